# Everything a fresh machine needs, one command each. `make` lists the targets.
#   STACK=dev          which Pulumi.<stack>.yaml
#   ENGINE=auto        auto: the Pulumi CLI where it can be had, else none; pulumi; none
#   ARGS=...           more arguments, such as ARGS=--show-secrets for `make outputs`
#   KUBECONFIG=...     use that cluster; without it, and without kubernetes:context in the stack, a local one is made
#   CLUSTER=dev        the name of that local one;  TEST_CLUSTER=test: of the one that `make test` makes and removes
#   LANES=3            tests run in so many processes, each with a cluster of its own; 0: one after another
STACK ?= dev
CLUSTER ?= dev
TEST_CLUSTER ?= test
LANES ?= 3
PYTHON ?= python3
export STACK CLUSTER
# Where it is set, every start compiles all modules once more: 2 s instead of 1 (nothing is compiled at installation).
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.stamp-runtime
DEV := $(VENV)/.stamp-dev
# What is never imported need not be compiled; the rest is at its first import.
INSTALL := $(BIN)/python -m pip --disable-pip-version-check --quiet --no-input install --no-compile --require-hashes -r
LOCAL = $(PYTHON) -m local
PYTEST := $(BIN)/python -m pytest -n $(LANES) --dist loadfile
# The long files first, which is also the order of their names; reordered by the number of tests they would be last.
LIVE := $(PYTEST) -v --no-loadscope-reorder -m "live or slow" tests/live tests/local tests/contract
ENGINE := $(PYTEST) -v tests/engine

.DEFAULT_GOAL := help
.SHELLFLAGS := -eu -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo "  with STACK=$(STACK) (ENGINE=auto|pulumi|none, KUBECONFIG=...)"

.PHONY: up preview outputs down refresh status drift
up: $(RUNTIME) ## bring the stack up: operator, clusters, endpoints, a computed result
	@$(LOCAL) up --stack $(STACK) --name $(CLUSTER) $(ARGS)

preview: $(RUNTIME) ## what `make up` would change
	@$(LOCAL) preview --stack $(STACK) --name $(CLUSTER) $(ARGS)

outputs: $(RUNTIME) ## the stack's outputs as JSON, nothing else on stdout
	@$(LOCAL) outputs --stack $(STACK) --name $(CLUSTER) $(ARGS)

down: $(RUNTIME) ## delete the stack; the Kubernetes stays
	@$(LOCAL) down --stack $(STACK) --name $(CLUSTER) $(ARGS)

refresh: $(RUNTIME) ## compare the engine's state with the cluster
	@$(LOCAL) refresh --stack $(STACK) --name $(CLUSTER) $(ARGS)

status: $(RUNTIME) ## clusters, pods and services in one table
	@$(LOCAL) status --stack $(STACK) --name $(CLUSTER)

drift: $(RUNTIME) ## what was changed by hand on what the operator made
	@$(LOCAL) drift --stack $(STACK) --name $(CLUSTER)

.PHONY: cluster cluster-down
cluster: python ## the local Kubernetes alone, with the images; prints its kubeconfig
	@$(LOCAL) cluster --name $(CLUSTER)

cluster-down: python ## remove the local Kubernetes and everything in it
	@$(PYTHON) -m local.kubernetes down --name $(CLUSTER)

.PHONY: dev
dev: $(DEV) ## .venv with all that examples, tests and the policy pack need

.PHONY: test test-unit test-live test-engine check
test: check test-unit browser ## everything that can run here, the quick things first
	@$(LOCAL) with-cluster --name $(TEST_CLUSTER) -- sh -c '$(ENGINE) && $(LIVE)'

test-unit: $(DEV) ## unit, contract, example and tooling tests
	@$(PYTEST) -m "not live and not slow" tests/unit tests/contract tests/examples tests/local

test-live: $(DEV) browser ## real Dask pods on a local cluster of their own (KEEP=1 keeps it)
	@$(LOCAL) with-cluster --name $(TEST_CLUSTER) -- $(LIVE)

test-engine: $(DEV) ## the real Pulumi CLI, on such a cluster
	@$(LOCAL) with-cluster --name $(TEST_CLUSTER) -- $(ENGINE)

check: $(DEV) ## format, lint, types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright

.PHONY: browser
browser:
	@command -v chromedriver >/dev/null || { \
		echo "make: installing Debian's chromium to look at the dashboard with (usually a minute) ..." >&2; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium chromium-driver >/dev/null; }

.PHONY: bench schema lock
bench: $(DEV) ## the side-by-side measurements of bench/
	@$(BIN)/python -m bench.first_result

schema: $(RUNTIME) ## docs/config.schema.json and the reference page, from the settings
	@$(BIN)/python -m components.schema

LOCK := pip compile pyproject.toml --generate-hashes --no-emit-index-url --universal -p 3.11 --no-annotate --quiet \
	--custom-compile-command "make lock"
lock: ## requirements*.txt from pyproject.toml, with hashes (needs uv)
	@command -v uv >/dev/null || { echo "make: uv is missing; install it: $(PYTHON) -m pip install uv" >&2; exit 1; }
	@uv $(LOCK) --output-file requirements.txt
	@uv $(LOCK) --extra dev --output-file requirements-dev.txt

# The stamps are newer than what they were made from; pip then makes the difference only.
$(RUNTIME): requirements.txt | $(VENV)/.stamp-venv
	@echo "make: installing requirements.txt into $(VENV) (usually a minute) ..." >&2
	@$(INSTALL) $<
	@touch $@

# It holds all of requirements.txt too.
$(DEV): requirements-dev.txt requirements.txt | $(VENV)/.stamp-venv
	@echo "make: installing requirements-dev.txt into $(VENV) (usually a minute) ..." >&2
	@$(INSTALL) $<
	@touch $(RUNTIME) $@

# Its python is there before its pip is: a stamp tells one that was interrupted. One that holds the packages is whole.
$(VENV)/.stamp-venv: | python
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "make: $(PYTHON) cannot make a venv; install it: sudo apt-get install python3-venv" >&2; exit 1; }
	@test -e $(RUNTIME) || $(PYTHON) -m venv $(VENV)
	@touch $@

.PHONY: python
python:
	@command -v $(PYTHON) >/dev/null || \
		{ echo "make: $(PYTHON) is missing; install it: sudo apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "make: $$($(PYTHON) -V) is too old; 3.11 or newer is needed: make PYTHON=python3.11 ..." >&2; exit 1; }
