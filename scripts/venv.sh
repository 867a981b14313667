#!/bin/sh
# venv.sh PYTHON FOLDER: make a virtual environment with pip in it, or say in one sentence what is missing.
set -eu
python=$1
folder=$2

command -v "$python" >/dev/null 2>&1 || {
    echo "There is no $python here. Install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3" >&2
    exit 1
}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "$("$python" --version) is too old: Python 3.11 or newer is needed. Name another: make PYTHON=python3.12" >&2
    exit 1
}
if "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    "$python" -m venv "$folder"
elif "$python" -c 'import venv' 2>/dev/null && "$python" -m pip --version >/dev/null 2>&1; then
    # Debian parts ensurepip from Python; the host's own pip can fill the environment instead.
    "$python" -m venv --without-pip "$folder"
    "$python" -m pip --python "$folder/bin/python" install --quiet pip || {
        rm -rf "$folder"
        echo "This Python cannot fill a virtual environment. On Debian or Ubuntu: sudo apt install python3-venv" >&2
        exit 1
    }
else
    echo "This Python cannot make virtual environments. On Debian or Ubuntu: sudo apt install python3-venv python3-pip" >&2
    exit 1
fi
