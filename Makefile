.DEFAULT_GOAL := help
.PHONY: help run test check format audit bench fuzz screenshots clean

# A Python of your choice: make run PYTHON=python3.13. Otherwise the first of these that is new enough.
PYTHON ?= python3.11 python3.12 python3.13 python3.14 python3 python
VENV := .venv
BIN := $(VENV)/bin
SCREEN_STAMP := $(VENV)/.requirements
TOOLS_STAMP := $(VENV)/.requirements-dev
BENCHMARKS := speed pydvl leave_one_out reductions bootstrap studies verify_outputs
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(SCREEN_STAMP)  ## Open the dashboard (creates .venv the first time)
	MALLOC_ARENA_MAX=2 $(BIN)/streamlit run app.py

test: $(TOOLS_STAMP)  ## Run the tests, the browser's included; warnings are errors; ARGS=tests/laws for some
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

check: $(TOOLS_STAMP)  ## Lint, formatting, spelling, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy

format: $(TOOLS_STAMP)  ## Rewrite the code in the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

audit: $(VENV)/audit/bin/pip-audit  ## Ask a public index for known vulnerabilities of what is installed for users
	@$(VENV)/audit/bin/pip-audit --strict --progress-spinner off -r requirements.txt -r requirements-postgresql.txt -r requirements-sign-in.txt || { \
		echo "Either a vulnerability is named above, or the index could not be asked: then nothing is known." >&2; exit 1; }

bench: $(TOOLS_STAMP)  ## Measure speed and quality, check outputs; prints tables, writes benchmarks/results/
	@for name in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$name || exit 1; done

fuzz: $(TOOLS_STAMP)  ## Throw 200,000 hostile files and choices at the engine; ARGS="--inputs 5000" for fewer
	$(BIN)/python -m benchmarks.fuzz $(ARGS)

screenshots: $(TOOLS_STAMP)  ## Take the README's pictures again; needs Chromium
	$(BIN)/python scripts/screenshots.py

# In an environment of its own: what it needs is no business of the product's.
$(VENV)/audit/bin/pip-audit: | $(BIN)/python
	$(BIN)/python -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.9,<3'

clean:  ## Remove .venv and every cache
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

# pyenv and friends leave shims that exist but do not run, so each candidate is asked for its version.
$(BIN)/python:
	@for candidate in $(PYTHON); do \
		if $$candidate -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
			echo "Creating $(VENV) with $$($$candidate --version)"; \
			$$candidate -m venv $(VENV) && exit 0; \
			rm -rf $(VENV); \
		fi; \
	done; \
	echo "IFFair needs Python 3.11 or newer with the venv module, and found none among: $(PYTHON)." >&2; \
	echo "Install it (for example 'apt-get install python3 python3-venv' or python.org) and run make again." >&2; \
	exit 1

$(SCREEN_STAMP): requirements.txt | $(BIN)/python
	$(PIP) -r requirements.txt
	@touch $@

$(TOOLS_STAMP): requirements.txt requirements-dev.txt | $(BIN)/python
	$(PIP) -r requirements-dev.txt
	@touch $@ $(SCREEN_STAMP)
