# The only door to developer work. `make run` and `make test` need nothing but Python 3.11 and make.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run repro services test test-fast test-long e2e check format pins pretrained timm peers bench bench-full results readme install clean

run: install            ## the whole pipeline under Prefect, then where the report is
	@mtl run

repro: install          ## the same graph by DVC alone
	@mtl lock
	@dvc repro

services: install       ## Prefect's server, MLflow's, and the workers, until Ctrl-C
	@mtl up

test: install           ## every test that takes seconds
	@pytest -n 3 --dist loadfile --no-loadscope-reorder

test-fast: install      ## all but the slow ones
	@pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

test-long: install      ## the doors at the terminal, whole, also killed: make run, mtl run, dvc repro, tune, adapt; minutes
	@pytest -n 2 --dist loadfile tests/long

e2e: install            ## a whole site in production on loopback: cron, kills, drift, rollback
	@pytest -n 3 --dist loadfile tests/e2e

check: install          ## ruff, format, strict types, code lock
	@ruff check .
	@ruff format --check .
	@mypy
	@mtl lock --check

format: install
	@ruff check --fix .
	@ruff format .

install: .venv/.installed

.venv/.installed: requirements.lock pyproject.toml
	@echo "installing into .venv (the first time takes a few minutes) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/mtl lock
	@touch $@

pretrained: install     ## the extra for inputs of kind pretrained_text
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements-pretrained.lock

timm: install           ## the extra for inputs with network: timm
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements-timm.lock

pins: install           ## pin what pyproject.toml asks for, as it resolves today
	@$(BIN)/python tools/lock.py

peers: install          ## the peers that benchmarks measure, each into an environment of its own
	@benchmarks/peers/install

bench: install          ## the quick benchmarks, a few minutes -> benchmarks/.work/quick.md
	@$(BIN)/python -m benchmarks --quick

bench-full: install     ## all of them, hours -> benchmarks/RESULTS.md
	@$(BIN)/python -m benchmarks

results: install        ## quality on real data, hours; goes on where it was stopped -> benchmarks/RESULTS.md
	@$(BIN)/python -m benchmarks.quality

readme:                 ## the table of the last run, into both READMEs
	@$(BIN)/python tools/readme.py

clean:                  ## what the pipeline made; raw data, cache and registry stay
	rm -rf data/ingested data/validated data/quarantine data/profiles data/split.parquet data/embedded data/encoded data/aligned models reports
