#!/bin/sh
# Every static check. Python first, since that is what changes most.
set -eu
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH" PYTHONPATH=apps:. ENVIRONMENT=development

ruff format --check .
ruff check .
mypy apps tools tests bench --exclude "^bench/peers/" # the peers belong to other Django projects
# Old code serves on the new schema while a rollout lasts: what would break it is refused; so is a model without migration.
python -m django lintmigrations --settings tools.migration_settings --no-cache --warnings-as-errors --quiet ok ignore
python -m django makemigrations --settings tools.migration_settings --check --dry-run
git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck
hadolint Dockerfile.web Dockerfile.api
zizmor --offline --quiet .github
# A Go program, which a laptop without Go has to do without; CI may not.
if actionlint=$(tools/cluster/tool.sh actionlint); then
    "$actionlint"
elif [ -n "${CI:-}" ]; then
    exit 1
else
    echo "lint: not checked by actionlint: .github/workflows" >&2
fi
