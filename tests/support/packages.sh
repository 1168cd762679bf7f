# shellcheck shell=sh disable=SC2034
# Shell functions for run.sh here and in examples/: what a bare Debian 12 lacks, and the compiler's settings.

packages_build="g++ cmake ninja-build libasio-dev libssl-dev libexpat1-dev libidn2-dev libidn-dev"
packages_tools="libcli11-dev nlohmann-json3-dev"
packages_tests="doctest-dev python3 libkrb5-dev libwine-dev"
packages_benchmarks="libbenchmark-dev valgrind"
packages_fuzz="clang-19 libclang-rt-19-dev"
packages_live="postfix dovecot-core dovecot-lmtpd dovecot-submissiond apache2-bin openssl microsocks tinyproxy-bin"
packages_live="$packages_live lighttpd lighttpd-mod-webdav krb5-kdc krb5-admin-server krb5-user dovecot-gssapi"
packages_live="$packages_live sasl2-bin libsasl2-modules libsasl2-modules-db postgresql-15"
packages_peers="postfix libcurl4-openssl-dev libesmtp-dev libpoco-dev"

packages_windows="g++-mingw-w64-x86-64-posix wine64 dpkg-dev perl make"

# Installs those of the given Debian packages that are missing. Where nothing is missing, apt is not touched.
install_packages()
{
    missing=''
    for package in "$@"; do
        case $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) in
        installed) ;;
        *) missing="$missing $package" ;;
        esac
    done
    if [ -z "$missing" ]; then
        return 0
    fi
    if ! command -v apt-get >/dev/null; then
        echo "These Debian packages are missing, and there is no apt-get; going on with what is here:$missing" >&2
        return 0
    fi
    as_root=''
    if [ "$(id -u)" -ne 0 ]; then
        as_root=sudo
        if ! command -v sudo >/dev/null; then
            echo "Please install these packages as root:$missing" >&2
            return 1
        fi
    fi
    echo "Installing:$missing"
    # Word splitting is wanted: one argument for each package.
    # shellcheck disable=SC2086
    $as_root sh -s $missing <<'ROOT'
        # A server that is only installed for tests must not start as a daemon of the system.
        policy=/usr/sbin/policy-rc.d
        if [ ! -e "$policy" ]; then
            trap 'rm -f "$policy"' EXIT
            trap 'exit 1' HUP INT TERM
            printf '#!/bin/sh\nexit 101\n' >"$policy"
            chmod 755 "$policy"
        fi
        export DEBIAN_FRONTEND=noninteractive
        # Standard input is this script: apt must not read it.
        apt-get update -q </dev/null && apt-get install -q -y --no-install-recommends "$@" </dev/null
ROOT
}

# The package that brings a compiler, by the compiler's name.
package_of_compiler()
{
    case $1 in
    clang++-*) echo "clang-${1#clang++-} libclang-rt-${1#clang++-}-dev" ;;
    g++-*) echo "$1" ;;
    esac
}

processors()
{
    nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2
}
