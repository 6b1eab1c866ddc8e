# Every target does its own set-up: a fresh machine with Rust and Python needs no other step.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --warn-undefined-variables

PYTHON ?= python3
KEEP ?=
HOURS ?=
MINUTES ?= 20
ARGS ?=
SEED ?=
SEEDS ?= 0..2000
STEPS ?= 300
STORE ?= model
VENV := .venv
BIN := $(VENV)/bin
STAMPS := build/stamps
REACHED := $(CURDIR)/build/reached-codes
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONDONTWRITEBYTECODE := 1

WHEEL_SOURCES := $(shell find crates python .cargo -type f \( -name '*.rs' -o -name '*.toml' -o -name '*.py' -o -name '*.pyi' -o -name '*.sql' -o -name '*.json' \) -not -path '*/tests/*') \
  Cargo.toml Cargo.lock pyproject.toml setup.py setup.cfg MANIFEST.in

.PHONY: help demo demo-release test check bench docs screenshots clean
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

demo: $(STAMPS)/installed ## a small shop, real traffic, a worker killed with -9, and its proof (KEEP=1 leaves it running)
	@KEEP='$(KEEP)' $(BIN)/python examples/shop/demo.py

demo-release: $(STAMPS)/installed ## two releases on real traffic: a good one, and one with an N+1 query, named and rolled back
	@$(BIN)/python examples/shop/demo_release.py

test: ## every test: the Rust workspace, then the installed wheel with real processes and signals
	@mkdir -p build && rm -f '$(REACHED)'
	@REACHED_CODES='$(REACHED)' $(MAKE) test-rust
	@REACHED_CODES='$(REACHED)' $(MAKE) test-python
	@$(if $(ARGS),echo "a part of the tests: not asked whether every code was met",REACHED_CODES='$(REACHED)' $(BIN)/python tests/reached.py check)

check: check-rust check-python check-guards check-docs ## formatting, lints, types, layers, freshness of the generated docs

bench: $(STAMPS)/installed $(STAMPS)/bench-tools ## measure latency, throughput, memory; writes bench/results/ and docs/benchmarks.md
	@$(BIN)/python bench/run.py $(ARGS)

docs: $(STAMPS)/site-tools ## generate docs/reference and build the site into site/
	cargo xtask docs
	$(BIN)/python docs/python_api.py
	$(BIN)/python docs/clock_pictures.py
	$(BIN)/mkdocs build --quiet --strict

screenshots: $(STAMPS)/installed $(STAMPS)/browser ## play the demo, draw what commands print and what the dashboard shows into docs/images/
	@$(BIN)/python docs/screenshots.py
	@$(BIN)/python docs/dashboard_pictures.py

clean: ## remove everything the targets made
	rm -rf build dist site $(VENV) python/workaday.egg-info examples/shop/.run
	cargo clean --quiet

# ---- what the targets above are made of -------------------------------------------------------------------------

.PHONY: sim mutants advisories miri
sim: $(STAMPS)/machine ## play the simulator (SEEDS=0..100000 STEPS=300 STORE=model; SEED=17 replays one, with its story)
	@cargo run --quiet --release --locked --package workaday-testkit --bin workaday-sim -- \
	  $(if $(SEED),--seed $(SEED) --trace,--seeds $(SEEDS)) --steps $(STEPS) --store $(STORE)

# What needs a tool that is not part of the set-up, a nightly toolchain or a download. Never part of `make test`.
mutants: ## change the rules of core line by line; every change has to fail a test (needs cargo-mutants)
	@cargo mutants --version >/dev/null 2>&1 || { echo "cargo-mutants is missing: cargo install cargo-mutants --locked"; exit 2; }
	@# The tests of those rules only: calibrations and the tables of every zone take minutes, for each of 168 changes.
	@mkdir -p build
	cargo mutants --package workaday-core $(foreach file,lifecycle retry hold unique schedule/decide,--file crates/workaday-core/src/$(file).rs) \
	  --timeout 120 --jobs 1 --output build/mutants $(ARGS) -- --lib --test lifecycle --test decide --test refusals

advisories: ## known weaknesses and yanked versions among our crates (needs cargo-deny and the network)
	@cargo deny --version >/dev/null 2>&1 || { echo "cargo-deny is missing: cargo install cargo-deny --locked"; exit 2; }
	cargo deny check advisories

miri: ## run the rules of core under Miri (needs the nightly toolchain)
	@cargo +nightly miri --version >/dev/null 2>&1 || { echo "Miri is missing: rustup toolchain install nightly --component miri"; exit 2; }
	MIRIFLAGS=-Zmiri-disable-isolation cargo +nightly miri test --package workaday-core --lib

.PHONY: test-rust test-python check-rust check-python check-guards check-docs wheel sdist chaos chaos-short
test-rust: $(STAMPS)/machine
	@if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --workspace --locked --no-tests=pass; \
	else cargo test --workspace --locked --all-targets; fi
	cargo test --workspace --locked --doc --quiet

# The debug program has the crash points; the installed one, a release build, must not.
test-python: $(STAMPS)/installed
	cargo build --quiet --locked --package workaday-cli
	cargo build --quiet --locked --package workaday-web --example window
	WORKADAY_DEBUG_PROGRAM=$(CURDIR)/target/debug/workaday $(BIN)/python -m pytest $(ARGS)
	@$(MAKE) chaos-short

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
	$(BIN)/python -m chaos.page --check

.PHONY: browser
browser: $(STAMPS)/installed $(STAMPS)/browser ## the long form of the tests in Chromium (`make test` has the short one): axe, keys, hostile text, sizes
	@$(BIN)/python -m pytest tests/browser $(ARGS)

# HOURS=8 for a night; each run prints its seed. The storms over Python children come first: KILLS=200 SEEDS=3 for many.
chaos: $(STAMPS)/installed ## try to lose, double or garble something for a budget (HOURS=8, or MINUTES=20)
	KILLS=$${KILLS:-25} SEEDS=$${SEEDS:-1} CHAOS_LONG=1 $(BIN)/python -m pytest tests/acceptance/test_kills.py tests/acceptance/test_chaos.py -s $(ARGS)
	WORKADAY_LEDGER=1 $(BIN)/python -m chaos $(if $(HOURS),--hours $(HOURS),--minutes $(MINUTES))
	$(BIN)/python -m chaos.page

chaos-short: $(STAMPS)/installed ## the same in two minutes, with one seed for all (CHAOS_SEED=1); a part of `make test`
	$(BIN)/python -m chaos --minutes 2 --seed $${CHAOS_SEED:-1}

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

# Chromium of the system, and the window on a store of its own.
$(STAMPS)/browser: $(STAMPS)/tools $(WHEEL_SOURCES)
	@command -v chromium >/dev/null || { echo "Chromium is missing: apt install chromium"; exit 1; }
	@cargo build --quiet --locked --package workaday-web --example window
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
