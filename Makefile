# `make help` lists what there is. Every target makes the environment first, if it must.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PY := .venv/bin/python
WORKERS ?= auto
UV_VERSION := 0.13.9
export PYTHONPATH := $(CURDIR)

.PHONY: help env lock up down status logs deploy demo serve test lint types contracts check format \
	proof bench clean

help: ## Show the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: .venv/.ready ## Make .venv from the pinned requirements (PYTHON=... names the interpreter)

.venv/.ready: requirements.txt requirements-dev.txt
	@bash tools/venv.sh

demo: .venv/.ready ## From nothing to a running stack with the real campaigns, and a report
	@$(PY) -m tools.demo

up: .venv/.ready ## Start the local stack and deploy to it (FULL=1 packages as for AWS)
	@$(PY) -m tools.stack up

down: .venv/.ready ## Stop the local stack; its state is kept in .local
	@$(PY) -m tools.stack down

status: .venv/.ready ## What runs, and where
	@$(PY) -m tools.stack status

logs: .venv/.ready ## The last log lines of the local stack and its functions (N=200)
	@$(PY) -m tools.stack logs --lines $(or $(N),60)

deploy: .venv/.ready ## Deploy to the AWS account of your credentials (STAGE=dev|prod, ALARM_TOPIC=arn)
	@$(PY) -m tools.deploy --stage "$(STAGE)" --bucket "$(BUCKET)" --alarm-topic "$(ALARM_TOPIC)"

serve: .venv/.ready ## The same app under gunicorn, on the tables of the local stack
	@$(PY) -m tools.serve

test: lint types contracts ## Everything that CI runs (T=tests/core for some tests)
	$(PY) -m pytest -n $(WORKERS) --dist loadgroup $(T)

check: lint types contracts ## Lint, types and import contracts, without the tests

lint: .venv/.ready
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .

types: .venv/.ready
	$(PY) -m mypy

contracts: .venv/.ready
	.venv/bin/lint-imports

format: .venv/.ready ## Format, and fix what can be fixed
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

proof: .venv/.ready ## The tests at full size; figures go to docs/proof
	@$(PY) -m tools.proof

bench: .venv/.ready ## The measurements, as ratios
	@$(PY) -m bench

lock: ## Pin requirements*.in again, with hashes
	@python3 -m venv .local/lock && .local/lock/bin/pip install --quiet uv==$(UV_VERSION)
	@lock() { .local/lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links \
		--custom-compile-command "make lock" "$$@"; }; \
	lock $(LOCK) requirements-dev.in -o requirements-dev.txt && \
	lock $(LOCK) -c requirements-dev.txt requirements.in -o requirements.txt && \
	lock $(LOCK) tools/requirements-npm.in -o tools/requirements-npm.txt

clean: ## Stop the stack; remove its state, the environment and all caches
	@if [ -x $(PY) ]; then $(PY) -m tools.stack down; fi
	rm -rf .local .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
