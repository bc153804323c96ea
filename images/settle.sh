#!/bin/sh
# usage: settle.sh FOLDER
# Gives everything below FOLDER the same time, the first day that a zip file can name: with each build's own times, no two
# builds of one commit would make the same layers, and every machine would pull layers that it has.
set -eu
find "$1" -exec touch --no-dereference --date=@315532800 {} +
