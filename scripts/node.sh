#!/bin/sh
# Install Debian's node and npm for the tests of the Node examples where that can be done; elsewhere say what is left out.
set -u
command -v node >/dev/null 2>&1 && command -v npx >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing node for the tests of the examples"
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp)
    if apt-get update >"$log" 2>&1 && apt-get install -y --no-install-recommends nodejs npm >>"$log" 2>&1; then
        rm -f "$log"
        exit 0
    fi
    tail -n 5 "$log" >&2
    rm -f "$log"
fi
echo "There is no node with npm here and it could not be installed: the Node examples are not run." >&2
echo "On Debian: sudo apt install nodejs npm" >&2
exit 0
