#!/bin/sh
# Installs what is missing, builds the benchmarks and runs them; the README's table is what they say. Works from any folder.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/tests/support/packages.sh"

usage()
{
    cat <<'TEXT'
usage: sh benchmarks/run.sh [options]

  --rounds N          in which all take turns; default: 5
  --only SCENARIO     one of --list; may be repeated. The README stays as it is
  --quick             few messages, for a look. The README stays as it is
  --no-peers          this library and the floor only; nothing else is installed. The README stays as it is
  --spin 0|1          whether the sink never sleeps while there are connections, so that clients do not pay for waking it;
                      default: 1
  --list              the scenarios
  --instructions      count the instructions of a message outside of the kernel instead, which noise changes little
  --check             check that the tools do what they say, instead
  --compiler C        g++ (default), clang++-19, ...
  --build-dir D       default: build-benchmarks/, with a suffix for another compiler
  --readme FILE       default: README.md
  --help              this text
TEXT
}

fail()
{
    echo "run.sh: $1" >&2
    usage >&2
    exit 2
}

rounds=5 only='' quick='' peers=yes spin=1 list='' instead='' compiler=g++ build_dir='' readme=''
while [ $# -gt 0 ]; do
    option=$1
    shift
    case $option in
    --help | -h) usage; exit 0 ;;
    --*=*) set -- "${option%%=*}" "${option#*=}" "$@"; continue ;;
    --quick) quick=--quick; continue ;;
    --no-peers) peers=''; continue ;;
    --list) list=--list; continue ;;
    --check | --instructions) instead=$option peers=''; continue ;;
    --rounds | --only | --spin | --compiler | --build-dir | --readme) ;;
    *) fail "unknown option $option" ;;
    esac
    [ $# -gt 0 ] || fail "$option needs a value"
    case $option in
    --rounds) rounds=$1 ;;
    --only) only="$only --only $1" ;;
    --spin) spin=$1 ;;
    --compiler) compiler=$1 ;;
    --build-dir) build_dir=$1 ;;
    --readme) readme=$1 ;;
    esac
    shift
done
if [ -z "$build_dir" ]; then
    build_dir=$root/build-benchmarks
    [ "$compiler" = g++ ] || build_dir=$build_dir-$(basename "$compiler")
fi
if [ -n "$list" ]; then
    exec python3 "$root/benchmarks/compare.py" --build "$build_dir/benchmarks" --list
fi

packages="$packages_build python3 openssl $(package_of_compiler "$compiler")"
if [ "$instead" = --instructions ]; then
    packages="$packages valgrind"
fi
if [ -n "$peers" ]; then
    packages="$packages $packages_peers"
    if ! command -v npm >/dev/null; then
        packages="$packages nodejs npm"
    fi
fi
# shellcheck disable=SC2086
install_packages $packages

cmake -S "$root" -B "$build_dir" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=Release \
    -DPOSTHORN_BUILD_TESTS=OFF -DPOSTHORN_BUILD_EXAMPLES=OFF -DPOSTHORN_BUILD_BENCHMARKS=ON
cmake --build "$build_dir" -j "$(processors)" --target load_tools

if [ -n "$peers" ] && [ ! -e "$build_dir/benchmarks/node_modules/nodemailer" ]; then
    mkdir -p "$build_dir/benchmarks"
    npm install --prefix "$build_dir/benchmarks" --no-audit --no-fund --no-save nodemailer ||
        echo "run.sh: no Nodemailer: npm cannot get it" >&2
fi

set -- --build "$build_dir/benchmarks" --rounds "$rounds" --spin "$spin" --json "$build_dir/figures.json"
if [ -n "$instead" ]; then
    set -- "$@" "$instead"
elif [ -z "$peers" ]; then
    set -- "$@" --no-peers
fi
if [ -z "$instead$quick$only" ] && [ -n "$peers" ]; then
    readme=${readme:-$root/README.md}
fi
if [ -n "$readme" ]; then
    set -- "$@" --readme "$readme"
fi
# shellcheck disable=SC2086
exec python3 "$root/benchmarks/compare.py" "$@" $quick $only
