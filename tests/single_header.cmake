# The whole test suite on the amalgamated header: every header that is part of it becomes a forward to it.
# Headers that are not (legacy/, testing/) come from include/ and find the rest here.

file(READ "${PROJECT_SOURCE_DIR}/single_include/posthorn/posthorn.hpp" single)
file(GLOB_RECURSE headers RELATIVE "${PROJECT_SOURCE_DIR}/include" CONFIGURE_DEPENDS
    "${PROJECT_SOURCE_DIR}/include/posthorn/*.hpp")
set(forwards "${CMAKE_CURRENT_BINARY_DIR}/forwards")
foreach(header IN LISTS headers)
    string(TOUPPER "${header}" guard)
    string(REGEX REPLACE "[^A-Z0-9]" "_" guard "${guard}")
    string(FIND "${single}" "#define ${guard}\n" at)
    if(at GREATER -1 AND NOT header STREQUAL "posthorn/posthorn.hpp")
        file(CONFIGURE OUTPUT "${forwards}/${header}" CONTENT "#include <posthorn/posthorn.hpp>\n")
    endif()
endforeach()
unset(single)
target_include_directories(posthorn_test_base BEFORE INTERFACE "${PROJECT_SOURCE_DIR}/single_include" "${forwards}"
    "${PROJECT_SOURCE_DIR}/include")
