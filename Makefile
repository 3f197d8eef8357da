# Needs Python 3.10 or newer with pip, and nothing else. PYTHON chooses which one makes .venv.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python -m

.PHONY: help demo test properties soak lint bench leaks downstream docs format clean

help: ## these lines
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(VENV)/.demo ## an application, its tests, and one report of a request that nothing answers
	@$(VENV)/bin/python examples/demo.py

test: $(VENV)/.dev ## all tests, with the newest clients
	$(RUN) pytest -q -n 4

properties: $(VENV)/.dev ## the tests of properties with 50 times the examples, new ones each time
	$(RUN) pytest -q -n 4 -m hypothesis --hypothesis-profile=thorough

soak: $(VENV)/.dev ## 100,000 requests through 32 threads on the loopback, faults among them
	NETDOUBLE_SOAK=100000 $(RUN) pytest -q tests/server/test_soak.py

lint: $(VENV)/.dev ## ruff, mypy, pyright, and the import rules
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy
	$(RUN) pyright
	$(RUN) pytest -q -p no:randomly tests/test_architecture.py

# PEERS="responses requests_mock": those; by default every peer's.
PEERS ?=
downstream: $(VENV)/.dev ## the peers' own test suites, unmodified, against our facades; niquests on the wire
	@$(VENV)/bin/python tests/downstream/peers/run.py $(PEERS)
	@$(VENV)/bin/python tests/downstream/niquests/run.py

# BENCH=--short: every row with a few calls; BENCH=scope: that row.
BENCH ?= --write docs/benchmarks.md
bench: .venv-bench/.done ## every figure beside the peers', into docs/benchmarks.md
	@.venv-bench/bin/python -m benchmarks $(BENCH)

leaks: .venv-leaks/.done ## what each guard stops, into docs/reference/guard-leaks.md (Linux)
	@.venv-leaks/bin/python tests/guard/leaks.py

docs: .venv-docs/.done ## the docs site, into site/
	@NO_MKDOCS_2_WARNING=1 .venv-docs/bin/python -m mkdocs build -q

format: $(VENV)/.dev ## put the code in shape
	$(RUN) ruff check --fix-only
	$(RUN) ruff format

clean: ## everything that was made here
	rm -rf $(VENV) .venv-bench .venv-docs .venv-leaks .venv-lowest .venv-newest .mypy_cache .ruff_cache .pytest_cache .hypothesis dist site

# A stamp is younger than pyproject.toml when what it stands for is installed.
$(VENV)/.demo: pyproject.toml | $(VENV)
	@echo "installing netdouble and the clients that the example uses ..."
	@$(RUN) pip install -q -e '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)
	$(RUN) pip install -q -e '.[dev]'
	@touch $@ $(VENV)/.demo

.venv-bench/.done: pyproject.toml
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install -q -e '.[bench]'
	@touch $@

.venv-leaks/.done: pyproject.toml
	$(PYTHON) -m venv .venv-leaks
	.venv-leaks/bin/python -m pip install -q -e '.[leaks]'
	@touch $@

.venv-docs/.done: pyproject.toml
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python -m pip install -q -e '.[docs]'
	@touch $@

$(VENV):
	$(PYTHON) -m venv $(VENV)
