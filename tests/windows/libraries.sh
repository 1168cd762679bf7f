#!/bin/sh
# Cross-builds OpenSSL and Expat, as static libraries for 64-bit Windows, from the sources of Debian's packages.
# usage: libraries.sh
# Prints the folder, with include/, lib/ and versions, as its last line. It lies in the cache of the user, outside of the tree, and
# is used again as long as the compiler and this file stay what they are. To build newer versions, remove it.
set -eu

host=x86_64-w64-mingw32
jobs=$(nproc 2>/dev/null || echo 2)

fail()
{
    echo "libraries.sh: $1" >&2
    exit 1
}

for tool in "$host-gcc-posix" "$host-ar" apt-get dpkg-source perl make; do
    command -v "$tool" >/dev/null || fail "$tool is not installed (see tests/support/packages.sh)"
done

recipe=$(cksum <"$0" | cut -d' ' -f1)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/posthorn/windows
result=$cache/gcc-$("$host-gcc-posix" -dumpfullversion)-$recipe
if [ -f "$result/versions" ]; then
    echo "$result"
    exit 0
fi

mkdir -p "$cache"
work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# ---- sources: the places that binary packages come from, and an apt that leaves the machine's own state alone ----

mkdir -p "$work/apt/lists/partial" "$work/apt/parts" "$work/source" "$work/out"
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
    [ -f "$list" ] || continue
    case $list in
    *.list) sed -n 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$list" >"$work/apt/parts/$(basename "$list")" ;;
    *.sources) sed 's/^Types:.*/Types: deb-src/' "$list" >"$work/apt/parts/$(basename "$list")" ;;
    esac
done
# Those of others have nothing that is wanted here, and often no sources at all.
for list in "$work"/apt/parts/*; do
    grep -qi debian "$list" || rm "$list"
done

# Options of apt, for apt-get and apt-cache.
with_sources()
{
    command=$1
    shift
    "$command" -q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/apt/parts" \
        -o Dir::State::Lists="$work/apt/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
        -o APT::Sandbox::User="$(id -un)" "$@"
}

with_sources apt-get update >&2 || echo 'libraries.sh: not all package sources could be read' >&2

# Unpacks the newest source of a package that can be had, in $work/source/<package>. Mirrors may have a new version in
# their index before they have its files.
fetch()
{
    # Sorted by version, newest first.
    for version in $(with_sources apt-cache showsrc --only-source "$1" | sed -n 's/^Version: //p' | sort -rV | uniq); do
        mkdir "$work/source/download"
        if (cd "$work/source/download" && with_sources apt-get source --only-source "$1=$version") >&2; then
            mv "$work/source/download/$1"-*/ "$work/source/$1"
            rm -r "$work/source/download"
            echo "$1 $version" >>"$work/out/versions"
            return
        fi
        echo "libraries.sh: $1 $version cannot be fetched" >&2
        rm -r "$work/source/download"
    done
    fail "no source package of $1"
}

fetch openssl
fetch expat

# ---- Expat --------------------------------------------------------------------------------------------------

# Three files and a configuration of few words. Debian's source has no configure, and its patches do not know CMake's.

(
    folder=$work/source/expat
    [ -d "$folder/lib" ] || folder=$folder/expat
    mkdir -p "$work/expat" "$work/out/include" "$work/out/lib"
    cat >"$work/expat/expat_config.h" <<'TEXT'
#define BYTEORDER 1234
#define XML_CONTEXT_BYTES 1024
#define XML_DTD 1
#define XML_GE 1
#define XML_NS 1
#define HAVE_MEMMOVE 1
TEXT
    for unit in xmlparse xmlrole xmltok; do
        "$host-gcc-posix" -O1 -DXML_STATIC -I "$work/expat" -I "$folder/lib" -c "$folder/lib/$unit.c" -o "$work/expat/$unit.o"
    done
    "$host-ar" rcs "$work/out/lib/libexpat.a" "$work"/expat/*.o
    cp "$folder/lib/expat.h" "$folder/lib/expat_external.h" "$work/out/include"
) >&2

# ---- OpenSSL ------------------------------------------------------------------------------------------------

(
    cd "$work/source/openssl"
    # -O1: tests need no more, and -O3 takes twice as long. What is left out nobody here asks for.
    perl Configure mingw64 --cross-compile-prefix="$host-" CC=gcc-posix --prefix="$work/out" --libdir=lib -O1 \
        no-shared no-tests no-dso no-engine no-module no-legacy no-cms no-ts no-cmp no-srp no-dtls no-sctp no-comp \
        no-idea no-camellia no-seed no-aria no-sm2 no-sm4 no-rc2 no-rc4 no-bf no-cast no-gost no-whirlpool
    make -s -j "$jobs" build_generated
    make -s -j "$jobs" libcrypto.a libssl.a
    make -s install_dev
) >&2

for file in include/openssl/ssl.h include/expat.h lib/libssl.a lib/libcrypto.a lib/libexpat.a; do
    [ -f "$work/out/$file" ] || fail "$file was not built"
done
# Another run may have been quicker.
[ -d "$result" ] || mv "$work/out" "$result"
echo "$result"
