# embed.cmake: the page as a C array.  cmake -DPAGE=FILE -DOUT=FILE -P embed.cmake
file(READ ${PAGE} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
file(WRITE ${OUT} "#include \"broker/dashboard/dashboard.h\"\n\nconst unsigned char DASHBOARD_PAGE[] = {${bytes}};\nconst size_t DASHBOARD_PAGE_BYTES = sizeof(DASHBOARD_PAGE);\n")
