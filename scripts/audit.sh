#!/bin/sh
# Ask for known holes in the locked versions. A machine without a network says so and is not failed for it.
set -u
out=$(mktemp)
trap 'rm -f "$out"' EXIT
.venv/bin/pip-audit --progress-spinner off --require-hashes --disable-pip -r requirements/runtime.txt >"$out" 2>&1
code=$?
cat "$out"
[ "$code" = 0 ] && exit 0
if grep -qiE 'ConnectionError|ServiceError|Max retries|Name or service|Connection refused|timed out' "$out" &&
    ! grep -qE 'Found [0-9]+ known vulnerabilit' "$out"; then
    echo "The list of known holes is not reachable from here; nothing was compared." >&2
    [ -n "${AUDIT_NEEDS_NETWORK:-}" ] || exit 0
fi
exit "$code"
