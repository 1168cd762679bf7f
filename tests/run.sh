#!/bin/sh
# Installs what is missing, builds the tests and runs them. Works from any folder, and in a fresh clone.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/tests/support/packages.sh"

usage()
{
    cat <<'TEXT'
usage: sh tests/run.sh [options]

  --label L           only tests of this label: unit, hostile, live, fuzz, architecture, windows (may be repeated);
                      only what they need is installed and built. Without it all but windows, which builds OpenSSL and
                      Expat for Windows the first time (kept in ~/.cache/posthorn) and runs the programs under Wine
  --filter REGEX      only tests whose CTest name matches
  --sanitizer S       address (with undefined), thread or none (default)
  --compiler C        g++ (default), clang++-19, ...
  --build-type T      a CMake build type; default: -O1 with line numbers and assertions, quickest to build and run
  --build-dir D       default: build/, with a suffix for another compiler, sanitizer or build type
  --help              this text
TEXT
}

fail()
{
    echo "run.sh: $1" >&2
    usage >&2
    exit 2
}

labels='' filter='' sanitizer='' compiler=g++ build_type='' build_dir=''
while [ $# -gt 0 ]; do
    option=$1
    shift
    case $option in
    --help | -h) usage; exit 0 ;;
    --*=*) set -- "${option%%=*}" "${option#*=}" "$@"; continue ;;
    --label | --filter | --sanitizer | --compiler | --build-type | --build-dir) ;;
    *) fail "unknown option $option" ;;
    esac
    [ $# -gt 0 ] || fail "$option needs a value"
    case $option in
    --label)
        case $1 in
        unit | hostile | live | fuzz | architecture | windows) labels="$labels $1" ;;
        *) fail "unknown label $1" ;;
        esac ;;
    --filter) filter=$1 ;;
    --sanitizer)
        case $1 in
        address | thread) sanitizer=$1 ;;
        none) sanitizer='' ;;
        *) fail "unknown sanitizer $1" ;;
        esac ;;
    --compiler) compiler=$1 ;;
    --build-type) build_type=$1 ;;
    --build-dir) build_dir=$1 ;;
    esac
    shift
done

packages="$packages_build $packages_tests $(package_of_compiler "$compiler")"
examples=OFF
windows=OFF
targets=''
regex=''
for label in ${labels:-unit hostile live fuzz architecture}; do
    case $label in
    fuzz) packages="$packages $packages_fuzz" ;;
    live)
        packages="$packages $packages_live $packages_tools"
        examples=ON # the tools are tested too
        ;;
    windows)
        packages="$packages $packages_windows"
        windows=ON
        ;;
    esac
    targets="$targets tests_$label"
    regex="$regex|$label"
done
if [ -z "$labels" ]; then
    packages="$packages $packages_tools" # a complete run builds all the examples
    examples=ON
    targets=all
fi
# shellcheck disable=SC2086
install_packages $packages

if [ -z "$build_dir" ]; then
    build_dir=$root/build
    [ "$compiler" = g++ ] || build_dir=$build_dir-$(basename "$compiler")
    [ -z "$sanitizer" ] || build_dir=$build_dir-$sanitizer
    [ -z "$build_type" ] || build_dir=$build_dir-$build_type
fi
if [ -n "$build_type" ]; then
    flags=''
else
    build_type=Debug
    flags=-DCMAKE_CXX_FLAGS_DEBUG='-O1 -g1'
fi

cmake -S "$root" -B "$build_dir" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE="$build_type" \
    ${flags:+"$flags"} -DPOSTHORN_SANITIZE="$sanitizer" -DPOSTHORN_BUILD_TESTS=ON \
    -DPOSTHORN_BUILD_EXAMPLES=$examples -DPOSTHORN_BUILD_BENCHMARKS=OFF -DPOSTHORN_INSTALL=ON \
    -DPOSTHORN_WITH_GSSAPI=ON -DPOSTHORN_WINDOWS_TESTS=$windows
# shellcheck disable=SC2086
cmake --build "$build_dir" -j "$(processors)" --target $targets

set -- --test-dir "$build_dir" --output-on-failure --no-tests=error -j2 -L "^(${regex#|})\$"
if [ -n "$filter" ]; then
    set -- "$@" -R "$filter"
fi
exec ctest "$@"
