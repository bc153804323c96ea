#!/bin/sh
# usage: tools/venv.sh run|dev
# Makes .venv and installs requirements-run.txt or requirements-dev.txt into it, once for each content of the file.
# PYTHON=… picks the interpreter. Every refusal is one sentence and a non-zero exit.
set -eu
cd "$(dirname "$0")/.."
group=$1
python=${PYTHON:-python3}
requirements=requirements-$group.txt
stamp=.venv/$group.installed

refuse() {
    echo "$*" >&2
    exit 1
}

command -v "$python" > /dev/null || refuse "$python was not found: install Python 3.11 or newer, or name one with PYTHON=/path/to/python3."
# Its Python may be gone since: a link to one that was updated away.
if [ -x .venv/bin/python ] && [ -f "$stamp" ] && cmp -s "$requirements" "$stamp"; then
    exit 0
fi
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
    || refuse "$("$python" --version) is too old: Tandem needs Python 3.11 or newer; name one with PYTHON=/path/to/python3."
"$python" -c 'import venv, ensurepip' 2> /dev/null \
    || refuse "This Python has no venv module: install it (on Debian and Ubuntu: apt-get install python3-venv)."
[ -w . ] || refuse "The folder $PWD cannot be written to: copy the project to a folder of your own, or change its owner."

# What an interruption left behind is not trusted: pip takes a package that it half copied for an installed one.
unfinished=.venv/unfinished
if [ -e "$unfinished" ] || ! .venv/bin/python -c 'import pip' 2> /dev/null; then
    echo "Making the virtual environment .venv …"
    rm -rf .venv
    "$python" -m venv .venv || refuse "The virtual environment .venv could not be made: the reason stands above."
fi
echo "Installing $requirements, every hash checked …"
touch "$unfinished"
code=0
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$requirements" || code=$?
[ "$code" -eq 130 ] || rm "$unfinished" # pip that fails by itself leaves whole packages only
[ "$code" -eq 0 ] \
    || refuse "The packages of $requirements could not be installed: the reason stands above; run the command again once it is gone."
cp "$requirements" "$stamp"
