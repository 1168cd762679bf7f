#!/bin/sh
# usage: wine.sh PROGRAM ARGUMENT...
# Runs a Windows program under Wine, without a screen and without its messages. WINEPREFIX says where its drives and its registry
# are: a folder that is made on first use.
set -eu

for wine in "$(command -v wine64 || :)" /usr/lib/wine/wine64; do
    [ -x "$wine" ] && break
done
if [ ! -x "$wine" ]; then
    echo "wine.sh: there is no wine64 (Debian's package of that name has it)" >&2
    exit 127
fi
: "${WINEPREFIX:?is not set}"
mkdir -p "$WINEPREFIX"
# No desktop, no questions about Mono and Gecko, and none of the user's folders.
unset DISPLAY WAYLAND_DISPLAY
export WINEDEBUG="${WINEDEBUG:--all}" WINEDLLOVERRIDES='mscoree,mshtml,winemenubuilder.exe='
exec "$wine" "$@"
