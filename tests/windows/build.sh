#!/bin/sh
# usage: build.sh SOURCE BUILD HEADERS OPTION-OF-CMAKE...
# Builds the programs of programs.cmake for Windows, after the libraries that they need. HEADERS is a folder with include/.
set -eu

source=$1 build=$2 headers=$3
shift 3

libraries=$(sh "$source/tests/windows/libraries.sh" | tail -n 1)
[ -f "$libraries/versions" ] || exit 1
sed 's/^/cross-built for Windows: /' "$libraries/versions"

# In Wine the drive Z: is the root of the file system.
cmake -S "$source" -B "$build" -G Ninja -DCMAKE_TOOLCHAIN_FILE="$source/tests/windows/toolchain.cmake" \
    -DPOSTHORN_WINDOWS_LIBRARIES="$libraries" -DPOSTHORN_WINDOWS_HEADERS="$headers" -DPOSTHORN_SOURCE_DIR_IN_WINE="Z:$source" \
    -DPOSTHORN_WITH_IDN2=OFF -DPOSTHORN_WITH_LIBIDN=OFF -DPOSTHORN_BUILD_EXAMPLES=OFF -DPOSTHORN_BUILD_BENCHMARKS=OFF \
    -DPOSTHORN_BUILD_TESTS=ON -DPOSTHORN_INSTALL=OFF "$@"
cmake --build "$build" -j "$(nproc 2>/dev/null || echo 2)" --target legacy legacy_smtp legacy_httpmail
