#!/bin/bash
# Prints the file of certificates that a build is given: CA_BUNDLE's, for a company's network; where that is not set, the
# one that this machine's own pip uses; /dev/null where there is none.
set -euo pipefail
bundle=${CA_BUNDLE:-${PIP_CERT:-}}
# Of all of pip's files: `pip config get` would read the user's alone.
[ -n "$bundle" ] || bundle=$("${PYTHON:-python3}" -m pip config list 2>/dev/null | sed -n "s/^global\.cert='\(.*\)'$/\1/p") || true
echo "${bundle:-${SSL_CERT_FILE:-/dev/null}}"
