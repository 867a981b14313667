# Everything a person or a machine does with this checkout. Needs Python 3.11+, pip and make; `make` alone lists it.
#
# What is installed is what requirements/*.txt lock, by hash, into .venv. A stamp file there is as new as the locks it
# was made from, so a second run installs nothing and asks nothing of the network.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Browsers and databases share the machine: more than four test processes only wait for one another.
TEST_PROCESSES ?= $(shell "$(PYTHON)" -c "import os; print(max(2, min(4, os.cpu_count() or 2)))")
PYTEST := $(BIN)/python -m pytest
TESTS ?= tests
UV ?= uv
UV_COMPILE := $(UV) pip compile --quiet --universal --generate-hashes --no-annotate --python-version 3.11

# A host that keeps Python from writing bytecode would have each process, of a run hundreds, compile the product anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run demo dev test slow e2e shots lint format types aud css bench diagrams openapi reference matrix messages lock clean

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

run: $(VENV)/.runtime ## Start everything with a demo world and stay up until Ctrl-C
	@$(BIN)/pilothouse up --demo

demo: $(VENV)/.runtime ## Run the demo batch to its proof and exit
	@$(BIN)/pilothouse demo video

dev: $(VENV)/.dev ## Like run, restarting web and live when code changes
	@$(BIN)/pilothouse up --demo --reload

test: $(VENV)/.dev ## Run the everyday tests (TESTS=tests/ledger for some of them)
	@sh scripts/chromium.sh
	@sh scripts/node.sh
	@$(PYTEST) -q -r fEs -n $(TEST_PROCESSES) --dist loadfile -m "not slow" $(TESTS)

slow: $(VENV)/.dev ## Run the tests that are left out of the everyday suite
	@sh scripts/chromium.sh
	@sh scripts/node.sh
	@$(PYTEST) -q -m slow $(TESTS)

e2e: $(VENV)/.dev ## Run the tests in a real browser
	@sh scripts/chromium.sh
	@$(PYTEST) -q -m browser $(TESTS)

shots: $(VENV)/.dev ## Photograph the pages of a running demo into shots/
	@sh scripts/chromium.sh
	@sh scripts/node.sh
	@$(BIN)/python scripts/shots.py shots

lint: $(VENV)/.dev ## Check style, layers and the house rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/python scripts/lint.py
	@$(BIN)/python scripts/diagrams.py --check
	@DATA=.data $(BIN)/python scripts/terms_matrix.py --check

format: $(VENV)/.dev ## Mend what can be mended by machine
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(VENV)/.dev ## Check the types
	@DATA=.data $(BIN)/mypy src scripts

aud: $(VENV)/.dev ## Look for insecure code and for known holes in what is installed
	@$(BIN)/bandit --quiet --recursive --severity-level medium --configfile pyproject.toml src
	@sh scripts/audit.sh

css: ## Compile the stylesheet (needs node 20 and npm)
	@npm ci
	@npm run css

bench: $(VENV)/.dev ## Measure the speeds of docs/performance.md
	@$(BIN)/pilothouse bench all

diagrams: $(VENV)/.dev ## Draw the state pictures of docs/architecture.md again
	@$(BIN)/python scripts/diagrams.py

openapi: $(VENV)/.dev ## Write docs/openapi.json again; refuses an undeclared break
	@$(BIN)/python scripts/openapi.py

messages: $(VENV)/.dev ## Bring the translations to what the sources say; name what is not translated
	@$(BIN)/python scripts/messages.py

reference: $(VENV)/.dev ## Write docs/reference.md again from what the code says of itself
	@$(BIN)/python scripts/reference.py

matrix: $(VENV)/.dev ## Write docs/COUNTRY_TEMPLATE_MATRIX.md again from the terms that the product ships
	@$(BIN)/python scripts/terms_matrix.py

lock: ## Choose new versions for everything (needs uv)
	@$(UV_COMPILE) --upgrade pyproject.toml -o requirements/runtime.txt
	@$(UV_COMPILE) --upgrade --extra dev -c requirements/runtime.txt pyproject.toml -o requirements/dev.txt
	@$(UV_COMPILE) --upgrade -c requirements/dev.txt requirements/build.in -o requirements/build.txt

clean: ## Remove the virtual environment and every cache; the data folder stays
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache shots build dist
	@find src tests scripts -type d -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@sh scripts/venv.sh "$(PYTHON)" $(VENV)

# The package itself is installed last and without dependencies: the locks alone decide what comes in.
$(VENV)/.runtime: requirements/build.txt requirements/runtime.txt pyproject.toml | $(BIN)/python
	@echo "Installing what requirements/runtime.txt locks"
	@$(PIP) install --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	@echo "Installing what requirements/dev.txt locks"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@
