#!/bin/sh
#
# Copyright (c) 2026 the posthorn authors
#
# SPDX-License-Identifier: MIT
#
# Installs what is missing, builds posthorn-micro and runs it on one processor: benchmarks/micro.sh [--benchmark_filter=REGEX ...]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD_DIR:-$root/build/benchmarks}
. "$root/tests/support/packages.sh"
# shellcheck disable=SC2086,SC2154
install_packages $packages_build $packages_benchmarks
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DPOSTHORN_BUILD_TESTS=OFF -DPOSTHORN_BUILD_EXAMPLES=OFF
cmake --build "$build" --target posthorn-micro
exec taskset -c 0 "$build/benchmarks/posthorn-micro" "$@"
