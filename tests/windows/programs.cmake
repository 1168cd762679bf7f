# What is built for Windows: the tests of the legacy interfaces that a program can run without the means of POSIX, with their
# servers, and the examples in the style of old code.

find_path(POSTHORN_DOCTEST_INCLUDE_DIR doctest/doctest.h REQUIRED)

set(sources
    abi com_ptr create httpmail_events httpmail_misuse httpmail_sequences smtp_decisions smtp_misuse smtp_sequences smtp_stream smtp_wire)
list(TRANSFORM sources PREPEND legacy/)
list(APPEND sources main windows/authorities windows/message_queue)
list(TRANSFORM sources APPEND .cpp)
add_executable(legacy ${sources})
target_link_libraries(legacy PRIVATE posthorn_own_inetcomm posthorn_build_flags)
target_include_directories(legacy PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
target_include_directories(legacy SYSTEM PRIVATE "${POSTHORN_DOCTEST_INCLUDE_DIR}")
target_compile_definitions(legacy PRIVATE _GLIBCXX_ASSERTIONS "POSTHORN_SOURCE_DIR=\"${POSTHORN_SOURCE_DIR_IN_WINE}\"")

foreach(example IN ITEMS legacy_smtp legacy_httpmail)
    add_executable(${example} "${PROJECT_SOURCE_DIR}/examples/${example}.cpp")
    target_link_libraries(${example} PRIVATE posthorn_own_inetcomm posthorn_build_flags)
endforeach()
