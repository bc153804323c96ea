#!/bin/sh
# Every static check. Python first, since that is what changes most.
set -eu
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH" PYTHONPATH=apps ENVIRONMENT=development

ruff format --check .
ruff check .
mypy apps tools tests bench --exclude "^bench/peers/" # the peers belong to other Django projects
git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck
hadolint Dockerfile.web Dockerfile.api
