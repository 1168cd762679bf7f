#!/bin/sh
# Installs what is missing, builds the examples, runs programs of old times beside servers, a mailbox, and the main job. Works from any folder,
# and in a fresh clone.
# The last line of a good run is "main job: ok"; the exit status is the main job's.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/tests/support/packages.sh"

# shellcheck disable=SC2086
install_packages $packages_build $packages_tools

build_dir=$root/build-examples
cmake -S "$root" -B "$build_dir" -G Ninja -DCMAKE_BUILD_TYPE=Release -DPOSTHORN_BUILD_TESTS=OFF \
    -DPOSTHORN_BUILD_EXAMPLES=ON -DPOSTHORN_BUILD_BENCHMARKS=OFF
cmake --build "$build_dir" -j "$(processors)" --target examples
"$build_dir/examples/with_sink" "$build_dir/examples/legacy_smtp"
"$build_dir/examples/with_mailbox" "$build_dir/examples/legacy_httpmail"
"$build_dir/examples/mailbox_job"
exec "$build_dir/examples/main_job" "$@"
