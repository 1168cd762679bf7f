#!/bin/sh
# usage: wine.sh PROGRAM ARGUMENT...
#        wine.sh --end
# Runs a Windows program under Wine, without a screen and without its messages; or ends all that Wine has left running. WINEPREFIX says
# where its drives and its registry are: a folder that is made on first use.
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
if [ "$1" = --end ]; then
    "$(dirname "$(readlink -f "$wine")")/wineserver" -k || : # there may be none
    exit 0
fi
# Wine leaves services in the background, which must not keep the pipe of who waits for the end of the output.
output=$(mktemp "$WINEPREFIX/output.XXXXXX")
trap 'rm -f "$output"' EXIT
trap 'exit 1' HUP INT TERM
status=0
"$wine" "$@" >"$output" 2>&1 </dev/null || status=$?
cat "$output"
exit "$status"
