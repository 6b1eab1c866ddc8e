# Every target does its own set-up: a fresh machine with Rust and Python needs no other step.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --warn-undefined-variables

PYTHON ?= python3
KEEP ?=
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMPS := build/stamps
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONDONTWRITEBYTECODE := 1

WHEEL_SOURCES := $(shell find crates python .cargo -type f \( -name '*.rs' -o -name '*.toml' -o -name '*.py' -o -name '*.pyi' -o -name '*.sql' -o -name '*.json' \) -not -path '*/tests/*') \
  Cargo.toml Cargo.lock pyproject.toml setup.py setup.cfg MANIFEST.in

.PHONY: help demo test check bench docs screenshots clean
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

demo: $(STAMPS)/installed ## a small shop, real traffic, a worker killed with -9, and its proof (KEEP=1 leaves it running)
	@KEEP='$(KEEP)' $(BIN)/python examples/shop/demo.py

test: test-rust test-python ## every test: the Rust workspace, then the installed wheel with real processes and signals

check: check-rust check-python check-guards check-docs ## formatting, lints, types, layers, freshness of the generated docs

bench: $(STAMPS)/installed $(STAMPS)/bench-tools ## measure latency, throughput, memory; writes bench/results/ and docs/benchmarks.md
	@$(BIN)/python bench/run.py $(ARGS)

docs: $(STAMPS)/site-tools ## generate docs/reference and build the site into site/
	cargo xtask docs
	$(BIN)/python docs/python_api.py
	$(BIN)/mkdocs build --quiet --strict

screenshots: $(STAMPS)/installed $(STAMPS)/browser ## play the demo, draw what commands print and what the dashboard shows into docs/images/
	@$(BIN)/python docs/screenshots.py
	@$(BIN)/python docs/dashboard_pictures.py

clean: ## remove everything the targets made
	rm -rf build dist site $(VENV) python/workaday.egg-info examples/shop/.run
	cargo clean --quiet

# ---- what the targets above are made of -------------------------------------------------------------------------

.PHONY: test-rust test-python check-rust check-python check-guards check-docs wheel sdist chaos
test-rust: $(STAMPS)/machine
	@if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --workspace --locked --no-tests=pass; \
	else cargo test --workspace --locked --all-targets; fi
	cargo test --workspace --locked --doc --quiet

test-python: $(STAMPS)/installed
	$(BIN)/python -m pytest $(ARGS)

check-rust: $(STAMPS)/machine
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

check-python: $(STAMPS)/tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --project pyproject.toml

check-guards: $(STAMPS)/machine
	@.ci/guards

check-docs: $(VENV)/pyvenv.cfg
	cargo xtask docs --check
	$(BIN)/python docs/python_api.py --check

.PHONY: browser
browser: $(STAMPS)/installed $(STAMPS)/browser ## look at every page in Chromium: axe, keys, hostile text, sizes
	@$(BIN)/python -m pytest tests/browser $(ARGS)

chaos: $(STAMPS)/installed ## many kills of every target (KILLS=200 SEEDS=3)
	KILLS=$${KILLS:-200} SEEDS=$${SEEDS:-3} $(BIN)/python -m pytest tests/acceptance/test_kills.py -s $(ARGS)

wheel: $(STAMPS)/wheel ## build the wheel into dist/

sdist: $(STAMPS)/tools ## build the source package into dist/
	$(BIN)/python -m build --sdist --outdir dist . >build/sdist.log 2>&1 || { cat build/sdist.log; exit 1; }

# Once a machine: what is missing is installed when root, else named in one line.
$(STAMPS)/machine: packaging/machine.sh
	@mkdir -p $(@D)
	@PYTHON='$(PYTHON)' packaging/machine.sh
	@touch $@

$(VENV)/pyvenv.cfg: $(STAMPS)/machine
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@touch $@

# The tools of `make check`, and the libraries that our tests and the type checker look at.
$(STAMPS)/tools: $(VENV)/pyvenv.cfg tests/requirements.txt
	@echo "installing the tools of tests/requirements.txt into $(VENV)"
	@$(BIN)/pip install --quiet --requirement tests/requirements.txt
	@touch $@

# Chromium of the system, its driver, axe, and the window on a store of its own.
$(STAMPS)/browser: $(STAMPS)/tools $(WHEEL_SOURCES)
	@command -v chromium >/dev/null || apt-get install -y -qq chromium >build/chromium.log 2>&1 || { echo "Chromium is missing: apt install chromium"; exit 1; }
	@$(BIN)/pip install --quiet playwright
	@mkdir -p build/axe && npm install --silent --prefix build/axe axe-core@4 >/dev/null
	@cargo build --quiet --locked -p workaday-web --example window
	@touch $@

$(STAMPS)/bench-tools: $(STAMPS)/tools bench/requirements.txt
	@$(BIN)/pip install --quiet --requirement bench/requirements.txt
	@touch $@

$(STAMPS)/site-tools: $(VENV)/pyvenv.cfg docs/requirements.txt
	@$(BIN)/pip install --quiet --requirement docs/requirements.txt
	@touch $@

# setuptools keeps files of earlier builds in build/lib: a deleted module would live on in the wheel.
$(STAMPS)/wheel: $(VENV)/pyvenv.cfg $(WHEEL_SOURCES)
	@rm -rf build/lib* build/bdist* dist/*.whl python/workaday.egg-info
	@echo "building the wheel (release; the first build takes some minutes)"
	@mkdir -p dist && $(BIN)/pip wheel --quiet --no-deps --wheel-dir dist . >build/wheel.log 2>&1 || { cat build/wheel.log; exit 1; }
	@ls dist/*.whl
	@touch $@

$(STAMPS)/installed: $(STAMPS)/wheel $(STAMPS)/tools
	@$(BIN)/pip install --quiet --force-reinstall --no-deps dist/workaday-*.whl
	@touch $@
