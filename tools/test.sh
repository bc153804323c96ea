#!/bin/sh
# Everything that needs no cluster; what needs a container engine, a browser or a PostgreSQL server says so where it skips.
# Three processes, since half of the tests wait; WORKERS=0 runs all in one. tests/parallel.py says what runs beside what.
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- tests --ignore tests/cluster --ignore tests/skaffold/test_loop.py --ignore tests/faults
unset PYTHONDONTWRITEBYTECODE # Python starts some hundred times, and would compile the same modules each time
exec .venv/bin/python -m pytest --numprocesses "${WORKERS:-3}" --dist loadfile "$@"
