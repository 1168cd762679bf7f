message(FATAL_ERROR "Fuzz targets need clang++-19 with libFuzzer, and CMake found none when it configured this build. "
    "On Debian: apt-get install clang-19 libclang-rt-19-dev. Then build again.")
