# embed.cmake: the page's files as C arrays.  cmake -DDIR=FOLDER -DOUT=FILE -P embed.cmake
set(text "#include \"broker/dashboard/dashboard.h\"\n")
foreach(file dashboard.html:PAGE dashboard.css:STYLE dashboard.js:SCRIPT)
    string(REPLACE ":" ";" pair ${file})
    list(GET pair 0 name)
    list(GET pair 1 symbol)
    file(READ ${DIR}/${name} bytes HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
    string(APPEND text "\nconst unsigned char DASHBOARD_${symbol}[] = {${bytes}};\n"
        "const size_t DASHBOARD_${symbol}_BYTES = sizeof(DASHBOARD_${symbol});\n")
endforeach()
file(WRITE ${OUT} "${text}")
