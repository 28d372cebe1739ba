# Run by CPack before it makes packages. Without dpkg-shlibdeps it would make them without their dependencies.
foreach(tool dpkg-shlibdeps file)
    find_program(found_${tool} ${tool})
    if(NOT found_${tool})
        message(FATAL_ERROR "${tool} is not installed: sh docker/packages.sh --install build package")
    endif()
endforeach()
