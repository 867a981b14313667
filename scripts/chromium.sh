#!/bin/sh
# Install Debian's chromium for the browser tests where that can be done; elsewhere say that they will be skipped.
set -u
[ -x /usr/bin/chromium ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing chromium for the browser tests"
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp)
    if apt-get update >"$log" 2>&1 && apt-get install -y --no-install-recommends chromium >>"$log" 2>&1; then
        rm -f "$log"
        exit 0
    fi
    tail -n 5 "$log" >&2
    rm -f "$log"
fi
echo "There is no /usr/bin/chromium here and it could not be installed: the browser tests are skipped." >&2
echo "On Debian: sudo apt install chromium" >&2
exit 0
