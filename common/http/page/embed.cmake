# embed.cmake: files as C arrays.  cmake -DOUT=FILE -DHEADER=NAME -DFILES=PATH:SYMBOL,PATH:SYMBOL... -P embed.cmake
set(text "#include \"${HEADER}\"\n")
string(REPLACE "," ";" pairs "${FILES}")
foreach(file ${pairs})
    string(REPLACE ":" ";" pair ${file})
    list(GET pair 0 path)
    list(GET pair 1 symbol)
    file(READ ${path} bytes HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
    string(APPEND text "\nconst unsigned char ${symbol}[] = {${bytes}};\n"
        "const size_t ${symbol}_BYTES = sizeof(${symbol});\n")
endforeach()
file(WRITE ${OUT} "${text}")
