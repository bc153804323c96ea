#!/bin/sh
# usage: packages.sh ROOT LOCK [SOURCE-PACKAGE]
# Makes the virtual environment ROOT/tandem/.venv with exactly what LOCK names, every hash checked. Wheels only, but for
# SOURCE-PACKAGE, which is compiled here with Debian's compiler and setuptools. pip stays outside of it.
set -eu
here=$(dirname "$0")
root=$1 lock=$2 source=${3:-}
venv=/tandem/.venv

# The CA bundle of a company's network, where the build was given one. An empty one is none: without the secret, the
# mount may still be an empty file.
[ ! -s /run/secrets/ca ] || export PIP_CERT=/run/secrets/ca

python3 -m venv --without-pip $venv
pip=$(echo /usr/share/python-wheels/pip-*.whl)
# Debian's packages are on the path for setuptools alone (an isolated build would fetch one unchecked), hence
# --ignore-installed. No debug information: it would name this build's temporary folders.
if ! CFLAGS='-O2 -g0' LDFLAGS=-s PYTHONPATH=$pip:/usr/lib/python3/dist-packages $venv/bin/python -m pip install \
    --quiet --disable-pip-version-check --root-user-action ignore --no-cache-dir --no-compile --no-build-isolation \
    --ignore-installed --require-hashes --only-binary :all: ${source:+--no-binary "$source"} --requirement "$lock" 2> /tmp/errors
then
    cat /tmp/errors >&2
    package=$(sed -n '/DO NOT MATCH THE HASHES/,$ s/^ *\([^ ]*==[^ ]*\) from .*/\1/p' /tmp/errors | head -n 1)
    if [ -n "$package" ]; then
        echo "error: $lock: the hash of $package is not that of the package served, so nothing of it was installed." >&2
    else
        echo "error: $lock: its packages could not be installed, for the reason above." >&2
    fi
    exit 1
fi

cd $venv
find bin -mindepth 1 ! -name 'python*' -delete                # commands; services are started as modules
cd lib/python3.13/site-packages
# What runs nothing. Tandem speaks English; a service with translations keeps its languages here.
find . \( -name '*.po' -o -name '*.c' -o -name '*.h' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' -o -name '*.map' \) -delete
find . -path '*/locale/*' -prune ! -name 'en' ! -name '__init__.py' -exec rm -r {} +

mkdir -p "$root/tandem"
mv $venv "$root$venv"
sh "$here/compile.sh" "$root" "$root$venv"
sh "$here/settle.sh" "$root"
