# The one door: what CI does, `make check` does.
#
#   make run       the whole app on this machine, in the foreground (Ctrl-C stops it)
#   make up/down   the same, detached; make status says whether it runs, and how to reach it
#   make test      everything that must hold (RUNGS="domain ports": some of it)
#   make check     the same after lint, types and imports
#   make prove     the long proofs, with their figures
#   make bench     costs, as ratios against named peers
#   make openapi   the API's document and its page anew, after a route has changed
#   make synth / deploy / destroy   the CDK app in your AWS account (CDK="-c stage=prod ..." passes context)
#   make bootstrap                  prepares an account or region for it, once

.DELETE_ON_ERROR:
.PHONY: help install run up down status test check lint types imports prove bench openapi bootstrap synth deploy destroy

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PATH := $(abspath $(BIN)):$(PATH)

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

install: $(READY)

$(READY): pyproject.toml uv.lock package.json package-lock.json
	@set -e; for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	  if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then break; fi; python=; \
	done; \
	if [ -z "$$python" ]; then echo "Slipway needs Python 3.11, 3.12 or 3.13; set PYTHON=/path/to/it." >&2; exit 1; fi; \
	[ -x $(BIN)/uv ] || { $$python -m venv --clear $(VENV) && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(sed -n 's/^ *"\(uv>=[^"]*\)".*/\1/p' pyproject.toml)"; }
	@$(BIN)/uv sync --quiet --frozen
	@$(BIN)/npm ci --silent --no-audit --no-fund
	@touch $@

run up down status: $(READY)
	@$(BIN)/python -m infra.local $@

test: $(READY)
	@$(BIN)/python -m tests.ladder $(RUNGS)

lint: $(READY)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .

types: $(READY)
	@$(BIN)/mypy

imports: $(READY)
	@$(BIN)/lint-imports

check: lint types imports test

prove: $(READY)
	@SLIPWAY_PROVE=1 $(BIN)/python -m tests.ladder --prove $(RUNGS)

bench: $(READY)
	@$(BIN)/python -m bench

openapi: $(READY)
	@$(BIN)/python -m ops.openapi

bootstrap synth deploy destroy: $(READY)
	@$(BIN)/python -m infra.cli $@ $(CDK)
