# Run by CPack on the installed files of each package, before it makes the package: Debian ships manual pages and
# changelogs compressed. The time in the header of gzip is left out, so that the same tree gives the same bytes.
file(GLOB_RECURSE pages ${CPACK_TEMPORARY_DIRECTORY}/*)
list(FILTER pages INCLUDE REGEX "/man/man[1-9]/[^/]+[.][1-9]$|/changelog[.]Debian$")
foreach(page ${pages})
    if(IS_SYMLINK ${page})
        # The target of a link is compressed, too.
        file(READ_SYMLINK ${page} target)
        file(CREATE_LINK ${target}.gz ${page}.gz SYMBOLIC)
        file(REMOVE ${page})
    else()
        execute_process(COMMAND gzip -9 -n -f ${page} COMMAND_ERROR_IS_FATAL ANY)
    endif()
endforeach()
