#!/bin/sh
# Writes every requirements file from the pyproject.toml files: pinned, with hashes, for all supported Pythons at once.
# Each file takes the one before it as a constraint, so that a package has one version everywhere.
set -eu
cd "$(dirname "$0")/.."

compile() { # compile OUTPUT ARGUMENT…
    output=$1
    shift
    # uv keeps the pins that it finds where it writes to, and moves them with UPGRADE=1 alone.
    [ ! -f "$output" ] || cp "$output" "$output.new"
    "${UV:-.venv/bin/uv}" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
        --no-header --no-annotate ${UPGRADE:+--upgrade} --output-file "$output.new" "$@"
    { echo "# Made by \`make lock\`; the direct dependencies stand in pyproject.toml."; cat "$output.new"; } > "$output"
    rm "$output.new"
}

compile apps/api/requirements-image.txt apps/api/pyproject.toml --group apps/api/pyproject.toml:image
compile apps/api/requirements.txt apps/api/pyproject.toml -c apps/api/requirements-image.txt
compile apps/web/requirements.txt apps/web/pyproject.toml -c apps/api/requirements.txt
compile requirements-run.txt --group run apps/api/pyproject.toml apps/web/pyproject.toml \
    -c apps/api/requirements.txt -c apps/web/requirements.txt -c apps/api/requirements-image.txt
compile requirements-dev.txt --group dev apps/api/pyproject.toml apps/web/pyproject.toml -c requirements-run.txt
compile requirements-contract.txt --group contract -c requirements-dev.txt
compile requirements-bench.txt --group bench -c requirements-dev.txt
