#!/bin/bash
# `make cluster-down`: remove the cluster that `make cluster` made, with its containers, volumes, network and context.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_engine
alone
refuse_foreign
if [ -z "$(nodes)$(our_network)" ]; then say "no cluster \"$cluster\" is here"; exit; fi
remove_cluster
say "cluster \"$cluster\" is gone"
