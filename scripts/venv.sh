#!/usr/bin/env bash
# Makes the virtual environment $VENV with $PYTHON, or with the first Python >= 3.11 found; one sentence where it cannot.
set -u
venv=${VENV:-.venv}

recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

python=""
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    if recent "$candidate"; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
    asked=${PYTHON:-python3}
    found=$("$asked" --version 2>/dev/null || echo "not there")
    echo "Playtape needs Python 3.11 or newer, and $asked is $found. Install one" \
         "(on Debian and Ubuntu: apt-get install python3 python3-venv) or name it: make PYTHON=python3.12 ..." >&2
    exit 1
fi
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    echo "$("$python" --version) has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2
    exit 1
fi

echo "Making a virtual environment in $venv with $("$python" --version) ..."
if ! "$python" -m venv "$venv"; then
    rm -rf "$venv"
    echo "The virtual environment $venv could not be made: the reason stands above." >&2
    exit 1
fi
