# Everything a fresh machine needs, one command each. `make` lists the targets.
#   STACK=dev          which Pulumi.<stack>.yaml
#   ARGS=...           more arguments for the CLI, such as ARGS=--show-secrets for `make outputs`
#   CLUSTER=dev        use the local Kubernetes of this name. Default: the stack's kubernetes:context, KUBECONFIG or the
#                      current context, and a local one only if none of them exists
#   ENGINE=built       use the Pulumi CLI that is built from Go modules, even if another one is available
#   LANES=3            how many processes the tests run in, each with a cluster of its own; 0: one after another
#   KEEP=1             `make test-live` keeps its first cluster
#   PYTHON=python3     the Python that creates .venv: 3.11 or newer
STACK ?= dev
CLUSTER ?=
LANES ?= 3
PYTHON ?= python3
# The local Kubernetes that `make test` creates and removes.
TEST_CLUSTER ?= test
# Where it is set, every start compiles all modules once more: 2 s instead of 1 (nothing is compiled at installation).
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.stamp-runtime
DEV := $(VENV)/.stamp-dev
# What is never imported need not be compiled; the rest is at its first import.
INSTALL := $(BIN)/python -m pip --disable-pip-version-check --quiet --no-input install --no-compile --require-hashes -r
TOOL = $(BIN)/python -m tools
LOCAL = $(PYTHON) -m devcluster
PYTEST := $(BIN)/python -m pytest -n $(LANES) --dist loadfile
# Keep the order of the files: the slowest ones sort first by name.
LIVE := $(PYTEST) -v --no-loadscope-reorder -m "live or slow" tests/live tests/devcluster tests/contract

.DEFAULT_GOAL := help
.SHELLFLAGS := -eu -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo "  with STACK=$(STACK); CLUSTER=..., ENGINE=built, ARGS=... as the Makefile's first lines say"

.PHONY: up preview outputs down refresh status drift connect shell
up: $(RUNTIME) ## pulumi up: operator, clusters, endpoints, a computed result
	@$(TOOL) up --stack $(STACK) --cluster "$(CLUSTER)" $(ARGS)

preview: $(RUNTIME) ## pulumi preview: what `make up` would change
	@$(TOOL) preview --stack $(STACK) --cluster "$(CLUSTER)" $(ARGS)

outputs: $(RUNTIME) ## the stack's outputs as JSON, nothing else on stdout
	@$(TOOL) outputs --stack $(STACK) --cluster "$(CLUSTER)" $(ARGS)

down: $(RUNTIME) ## pulumi destroy: delete the stack; the Kubernetes stays
	@$(TOOL) down --stack $(STACK) --cluster "$(CLUSTER)" $(ARGS)

refresh: $(RUNTIME) ## pulumi refresh: write what is live into the engine's state
	@$(TOOL) refresh --stack $(STACK) --cluster "$(CLUSTER)" $(ARGS)

shell: $(RUNTIME) ## a shell in which `pulumi` and `kubectl` are the ones in use, on this stack
	@$(TOOL) shell --stack $(STACK) --cluster "$(CLUSTER)"

status: $(RUNTIME) ## clusters, workers and what is wrong in one table (ARGS=--all: every pod and Service; ARGS=--json)
	@$(TOOL) status --stack $(STACK) --cluster "$(CLUSTER)" $(ARGS)

drift: $(RUNTIME) ## what was changed by hand in the clusters, and in what the operator created for them
	@$(TOOL) drift --stack $(STACK) --cluster "$(CLUSTER)"

connect: $(RUNTIME) ## find a way to a cluster from here, and print what to paste into a notebook (ARGS=--help)
	@$(TOOL) connect --stack $(STACK) --cluster "$(CLUSTER)" $(ARGS)

.PHONY: cluster cluster-down
cluster: python ## the local Kubernetes alone, with the images; prints its kubeconfig
	@$(LOCAL) up --name $(or $(CLUSTER),dev)

cluster-down: python ## remove the local Kubernetes and everything in it
	@$(LOCAL) down --name $(or $(CLUSTER),dev)

.PHONY: dev
dev: $(DEV) ## .venv with all that examples, tests and the policy pack need

.PHONY: test test-unit test-live check
test: check test-unit test-live ## everything, the quick things first

test-unit: $(DEV) ## unit, contract, example and tooling tests
	@$(PYTEST) -m "not live and not slow" tests/unit tests/contract tests/examples tests/tools tests/devcluster

test-live: $(DEV) browser ## the Pulumi CLI and real Dask pods, on clusters of their own (KEEP=1 keeps the first)
	@$(LOCAL) run --name $(TEST_CLUSTER) -- $(LIVE)

check: $(DEV) ## format, lint, types, import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/deptry components tools

.PHONY: browser
browser:
	@command -v chromedriver >/dev/null || { \
		echo "make: installing Debian's chromium to look at the dashboard with (usually a minute) ..." >&2; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium chromium-driver >/dev/null; }

.PHONY: bench schema lock
bench: $(DEV) ## time to a first result, here and in other ways (bench/README.md has the other measurements)
	@$(BIN)/python -m bench.first_result

schema: $(RUNTIME) ## docs/config.schema.json and the reference page, from the settings
	@$(BIN)/python -m tools.schema

LOCK := pip compile pyproject.toml --generate-hashes --no-emit-index-url --universal -p 3.11 --no-annotate --quiet \
	--custom-compile-command "make lock"
lock: ## requirements*.txt from pyproject.toml, with hashes (needs uv)
	@command -v uv >/dev/null || { echo "make: uv is missing; install it: $(PYTHON) -m pip install uv" >&2; exit 1; }
	@uv $(LOCK) --extra client --extra tools --output-file requirements.txt
	@uv $(LOCK) --extra client --extra tools --extra dev --output-file requirements-dev.txt

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
		{ echo "make: $(PYTHON) cannot create a venv; install it: sudo apt-get install python3-venv" >&2; exit 1; }
	@test -e $(RUNTIME) || $(PYTHON) -m venv $(VENV)
	@touch $@

.PHONY: python
python:
	@command -v $(PYTHON) >/dev/null || \
		{ echo "make: $(PYTHON) is missing; install it: sudo apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "make: $$($(PYTHON) -V) is too old; 3.11 or newer is needed: make PYTHON=python3.11 ..." >&2; exit 1; }
