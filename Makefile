# One command per intent. Everything made here lives in .venv and .kabar; nothing is installed elsewhere.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eo pipefail -c
MAKEFLAGS += --no-print-directory

# PYTHON=/path/to/python3 chooses another interpreter; both environments and the local Lambdas run on it.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p && break; done)
LOCKS := local/requirements
UV := .kabar/uv/bin/uv
PY := .venv/bin/python
RUN := PYTHONPATH=layers/kabar $(PY)

## ---- use it

.PHONY: demo
demo: setup  ## the main job on a real file: import, campaign, receipts, replies, report (≤ 1 minute)
	@$(RUN) -m local.demo

.PHONY: up
up: setup  ## start the cloud on this machine and keep it running (.kabar/local.json says where)
	@$(RUN) -m local.up

.PHONY: down
down:  ## stop what `make up` started and remove what it left
	@if [ -x $(PY) ]; then $(RUN) -m local.down; else echo "Nothing is up."; fi

## ---- change it

.PHONY: test
test: setup  ## every test
	@$(RUN) -m pytest -n 2

.PHONY: check
check: setup  ## lint, format, types, architecture, template, API document; changes nothing
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy
	@PYTHONPATH=layers/kabar .venv/bin/lint-imports --no-cache | tail -n 12
	@.venv/bin/cfn-lint template.yaml
	@$(RUN) -m local.openapi --check
	@$(RUN) -m local.error_pages --check

.PHONY: fix
fix: setup  ## format, and fix what the linter can
	@.venv/bin/ruff check --fix
	@.venv/bin/ruff format

.PHONY: chaos
chaos: setup  ## kill Lambda workers and break the carrier in mid-campaign; nobody twice, nobody skipped
	@$(RUN) -m local.chaos $(if $(SEED),--seed $(SEED))

.PHONY: simulate
simulate: setup  ## the whole system against any mixture of faults, repeatable (RUNS=5000, SEED=1; RUNS=1 shows all of one)
	@$(RUN) -m tests.simulation.system $(if $(SEED),--seed $(SEED)) $(if $(RUNS),--runs $(RUNS)) $(if $(SECONDS_AT_MOST),--seconds-at-most $(SECONDS_AT_MOST))

.PHONY: mutants
mutants: setup  ## take out every guard of the code that sends in turn: a test or the simulation must notice (ONLY=storage.turns, SAMPLE=50)
	@$(RUN) -m tests.mutants $(if $(ONLY),--only $(ONLY)) $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED)) $(if $(SECONDS_AT_MOST),--seconds-at-most $(SECONDS_AT_MOST))

.PHONY: bench
bench: setup  ## measure what matters; writes .kabar/bench.json
	@$(RUN) -m local.bench

.PHONY: openapi
openapi: setup  ## write docs/openapi.json and docs/errors.md from the code
	@$(RUN) -m local.openapi
	@$(RUN) -m local.error_pages

.PHONY: zones
zones: setup  ## write the table of the time zones that numbers may be in, from libphonenumber
	@$(UV) pip install --quiet --no-deps --require-hashes --target .kabar/zones -r $(LOCKS)/zones.txt
	@PYTHONPATH=.kabar/zones:layers/kabar $(PY) -m local.number_zones

.PHONY: fuzz
fuzz: setup .kabar/fuzz/ready  ## throw made-up requests at the running API (REQUESTS=20000, SEED=1)
	@$(RUN) -m local.fuzz $(if $(REQUESTS),--requests $(REQUESTS)) $(if $(SEED),--seed $(SEED)) $(if $(SECONDS_AT_MOST),--seconds $(SECONDS_AT_MOST))

.PHONY: webhook-proof
webhook-proof: setup .kabar/webhooks/ready  ## our callbacks' signatures before the reference verifier for JavaScript (npm)
	@$(RUN) -m local.webhooks

## ---- take it to AWS

.PHONY: build
build: .kabar/sam/ready .kabar/pyodide/ready setup  ## sam build for AWS: arm64 and the runtime's Python, without Docker
	@$(SAM) validate --lint
	@$(SAM) build
	@$(RUN) -m local.layers .aws-sam/build

.PHONY: deploy
deploy: build  ## sam deploy with your AWS credentials (the first time: make deploy GUIDED=1)
	@$(SAM) deploy $(if $(GUIDED),--guided)

.PHONY: aws-proof
aws-proof: .kabar/sam/ready .kabar/pyodide/ready setup  ## sam build, sam deploy into the local cloud, one message through it: AWS's way, without AWS
	@$(RUN) -m local.proof

.PHONY: scan
scan: .kabar/scan/ready  ## look for weaknesses in the template (checkov) and the code (bandit)
	@.kabar/scan/bin/checkov --config-file .checkov.yaml
	@.kabar/scan/bin/bandit --quiet --recursive --severity-level medium functions layers/kabar local

.PHONY: costs
costs: setup  ## what a million messages cost on AWS, from list prices and what `make bench` counted
	@$(RUN) -m local.costs

# What `sam` and layers/Makefile find: uv, and a way to compile for a Python that is missing here.
SAM = PATH="$(CURDIR)/.kabar/sam/bin:$$PATH" PYODIDE="$(CURDIR)/.kabar/pyodide/node_modules/pyodide" \
	SAM_CLI_TELEMETRY=0 sam

## ---- set it up

.PHONY: setup
setup: .venv/ready .kabar/engine/ready .kabar/deps/ready .kabar/deps-imports/ready  ## make the environments (the others do it when needed)

.PHONY: lock
lock: $(UV)  ## pin the newest allowed versions of everything
	@for name in uv engine sam scan fuzz zones; do $(COMPILE) $(LOCKS)/$$name.in -o $(LOCKS)/$$name.txt || exit; done
	@for name in dependencies imports; do \
		$(COMPILE) layers/$$name/requirements.in -o layers/$$name/requirements.txt || exit; done
	@$(COMPILE) -c layers/dependencies/requirements.txt -c layers/imports/requirements.txt $(LOCKS)/dev.in -o $(LOCKS)/dev.txt
COMPILE = $(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock"

.PHONY: help
help:  ## this list
	@awk -F ':.*## ' '/^## ----/ { sub(/^## -+ /, ""); printf "\n%s\n", $$0 } \
		/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

# --target needs neither venv nor the right to change the system's own packages.
$(UV): $(LOCKS)/uv.txt
	@[ -n "$(PYTHON)" ] || { echo "Kabar needs Python 3.11 or newer and found none: install python3," \
		"or say where it is: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || { echo "Kabar needs pip for $(PYTHON):" \
		"apt-get install python3-pip" >&2; exit 1; }
	@mkdir -p .kabar && rm -rf .kabar/uv
	@$(PYTHON) -m pip install --quiet --quiet --disable-pip-version-check --no-warn-script-location --root-user-action=ignore \
		--target .kabar/uv --require-hashes -r $(LOCKS)/uv.txt
	@touch $@

.venv/ready: $(LOCKS)/dev.txt $(UV)
	@echo "Making the developer's environment (.venv) …"
	@[ -x $(PY) ] || $(UV) venv --quiet --clear --python "$(PYTHON)" .venv
	@$(UV) pip sync --quiet --python $(PY) --require-hashes $(LOCKS)/dev.txt
	@touch $@

.kabar/engine/ready: $(LOCKS)/engine.txt $(UV)
	@echo "Making the local cloud's environment (.kabar/engine) …"
	@[ -x .kabar/engine/bin/python ] || $(UV) venv --quiet --clear --python "$(PYTHON)" .kabar/engine
	@$(UV) pip sync --quiet --python .kabar/engine/bin/python --compile-bytecode --require-hashes $(LOCKS)/engine.txt
	@touch $@

.kabar/sam/ready .kabar/scan/ready .kabar/fuzz/ready: .kabar/%/ready: $(LOCKS)/%.txt $(UV)
	@echo "Making the environment of $* (.kabar/$*) …"
	@[ -x .kabar/$*/bin/python ] || $(UV) venv --quiet --clear --python "$(PYTHON)" .kabar/$*
	@$(UV) pip sync --quiet --python .kabar/$*/bin/python --compile-bytecode --require-hashes $<
	@touch $@

# CPython for WebAssembly, which compiles the layers where the runtime's own Python is missing (layers/compile.sh).
.kabar/pyodide/ready: $(LOCKS)/pyodide/package-lock.json
	@mkdir -p $(@D) && cp $(LOCKS)/pyodide/*.json $(@D)
	@if command -v npm >/dev/null; then npm ci --prefix $(@D) --silent --ignore-scripts --no-audit --no-fund; \
		else echo "No npm here: the layers need Python 3.13 on this machine to get their .pyc files."; fi
	@touch $@

# The reference verifier of Standard Webhooks for JavaScript.
.kabar/webhooks/ready: $(LOCKS)/webhooks/package-lock.json
	@mkdir -p $(@D) && cp $(LOCKS)/webhooks/*.json $(@D)
	@npm ci --prefix $(@D) --silent --ignore-scripts --no-audit --no-fund
	@touch $@

# For the interpreter that runs the functions here: the engine's.
.kabar/deps/ready: FOLDER = dependencies
.kabar/deps-imports/ready: FOLDER = imports
.kabar/deps/ready: layers/dependencies/requirements.txt
.kabar/deps-imports/ready: layers/imports/requirements.txt
.kabar/deps/ready .kabar/deps-imports/ready: .kabar/engine/ready
	@echo "Filling the local $(FOLDER) layer ($(@D)) …"
	@rm -rf $(@D)
	@$(UV) pip install --quiet --python .kabar/engine/bin/python --compile-bytecode --require-hashes \
		--target $(@D) -r layers/$(FOLDER)/requirements.txt
	@touch $@
