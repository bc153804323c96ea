#!/bin/sh
# usage: compile.sh ROOT FOLDER
# Compiles the Python files in FOLDER, which is below ROOT in the build and below / in the image; tracebacks name the
# latter. Nothing is compiled at start then, which would take 3 to 4 times as long, nor could be kept on a read-only root.
# `unchecked-hash`: the image cannot change, so no start asks whether a source did. The hash seed makes sets come out alike.
# -P: what runs here must not come from the folder that it is called in. Python would write bytecode of its own beside what
# it imports from there, which counts as compiled and, as times are settled later, as stale at each start.
set -eu
PYTHONHASHSEED=0 python3 -P -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$1" -p / "$2"
