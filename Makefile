# Every command of the project; `make` alone prints them. The work is done by the scripts that the targets call.
.DEFAULT_GOAL := help
.PHONY: help run test lint images up watch down lock version

PYTHON ?= python3
export PYTHON

help: ## Print this list
	@awk -F ':.*## ' '/^# ---/ { printf "\n%s\n", substr($$0, 7) } /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- The services

run: ## Start both services on SQLite: http://127.0.0.1:5000 and :5001 (WEB_PORT=, API_PORT=)
	@tools/venv.sh run && exec .venv/bin/python tools/run.py

# --- Checks

test: ## Prove everything that needs no cluster (images and Compose where an engine runs)
	@tools/venv.sh dev && tools/venv.sh bench && tools/test.sh $(ARGS)

lint: ## Format, lint and type checks
	@tools/venv.sh dev && tools/lint.sh

# --- The cluster

.PHONY: cluster cluster-down test-cluster clean-cache

cluster: ## Make a kind cluster of three nodes, with or without a container registry
	@tools/cluster/up.sh

cluster-down: ## Remove that cluster, its volumes, network and context
	@tools/cluster/down.sh

test-cluster: ## Prove what needs a cluster, in the one that make cluster makes, and the first faults
	@tools/venv.sh dev && tools/cluster/up.sh && .venv/bin/python -m pytest -m "not thorough" \
		tests/cluster tests/skaffold/test_loop.py tests/faults/test_fault_*.py $(ARGS)

clean-cache: ## Free what is kept outside the checkout: built programs, downloads, images made offline
	@tools/cluster/clean-cache.sh

# --- Faults

.PHONY: test-faults

test-faults: ## Prove that nothing is lost: 18 faults in the cluster, with a table and a timeline each
	@tools/venv.sh dev && tools/cluster/up.sh && .venv/bin/python -m pytest tests/faults $(ARGS)

# --- The charts

.PHONY: manifests charts push deploy

deploy: ## Install in the cluster: two replicas of each service, on PostgreSQL
	@tools/deploy.sh

manifests: ## Render k8s/, the charts' schemas and their tables of values from the charts
	@tools/venv.sh dev && .venv/bin/python -m tools.manifests

charts: ## Pack the charts into dist/charts
	@tools/package.sh

push: ## Push the images for amd64 and arm64, and the charts: REGISTRY=… (PLATFORMS=linux/amd64)
	@tools/push.sh

# --- Images and Compose

images: ## Build both images, with their bills of materials in dist/ (CA_BUNDLE=)
	@tools/images.sh

up: ## Start everything under Docker Compose, with PostgreSQL (WEB_PORT=, API_PORT=)
	@tools/compose.sh up

watch: ## The same for development: what is saved reloads in its container
	@tools/compose.sh watch

down: ## Stop it; the users stay
	@tools/compose.sh down

# --- Skaffold

.PHONY: dev

dev: ## skaffold dev in the cluster: what is saved reloads in its pod (PROFILE=postgres|production|kustomize)
	@tools/dev.sh

# --- Scoreboard

.PHONY: bench

bench: ## Measure both services beside their peers: CPU a request, requests/s, p99 (ARGS="--rounds 5")
	@tools/venv.sh dev && tools/venv.sh bench && .venv/bin/python -m bench $(ARGS) && PYTHONPATH=apps .venv/bin/python -m bench.images

# --- Upkeep

lock: ## Resolve the dependencies again into the requirements files (UPGRADE=1 for the newest)
	@tools/venv.sh dev && tools/lock.sh

version: ## Carry the version of pyproject.toml into the charts, the Dockerfiles and compose.yaml
	@tools/venv.sh dev && .venv/bin/python -m tools.version && .venv/bin/python -m tools.manifests
