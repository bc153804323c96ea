# What a build of the images is told. Sourced by tools/images.sh and tools/compose.sh, behind offline/lib.sh and at the root.
# shellcheck shell=bash

CA_BUNDLE=$(tools/ca-bundle.sh)
export CA_BUNDLE
[ -r "$CA_BUNDLE" ] || fail "the CA bundle $CA_BUNDLE cannot be read: correct CA_BUNDLE"

# shellcheck disable=SC2034  # for the scripts that source this
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
export REVISION=unknown
if git rev-parse --quiet --verify HEAD >/dev/null 2>&1; then
    REVISION=$(git rev-parse HEAD)
    [ -z "$(git status --porcelain --untracked-files=no)" ] || REVISION+=-modified
fi
