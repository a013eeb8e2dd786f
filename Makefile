# Two commands matter: `make demo` and `make test`. Both set everything up by themselves.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=

.PHONY: demo test check lint types layers coverage examples servers bench format clean

demo: $(VENV)/.installed  ## simulated platforms, one of them goes down, the post gets out: under 30 s, no accounts
	@$(BIN)/surecast demo

test: $(VENV)/.installed-dev servers  ## every test; real servers are installed where this machine allows it
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

check: lint types layers  ## the quick inner loop: style, types, import law, tests without servers
	@$(BIN)/python -m pytest -q -m "not server and not slow" $(PYTEST_ARGS)

lint: $(VENV)/.installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	@$(BIN)/mypy

layers: $(VENV)/.installed-dev
	@$(BIN)/lint-imports

coverage: $(VENV)/.installed-dev  ## what decides and what measures is covered to the last branch
	@$(BIN)/python -m pytest -q -p no:cacheprovider --hypothesis-seed=1 \
	  tests/test_decide.py tests/test_decide_direct.py tests/test_crowd.py tests/test_direct.py tests/test_families.py \
	  tests/test_quiet.py tests/test_rate.py tests/test_standing.py tests/test_route.py tests/route tests/test_outcome.py \
	  tests/text \
	  --cov=surecast.decide --cov=surecast.crowd --cov=surecast.direct --cov=surecast.quiet --cov=surecast.rate \
	  --cov=surecast.standing --cov=surecast.route --cov=surecast.outcome --cov=surecast.text \
	  --cov-branch --cov-report=term --cov-fail-under=100

servers: $(VENV)/.installed-dev  ## the real counterparts of the tests; with SURECAST_STRICT=1 a missing one is an error
	@$(BIN)/python -m tests.servers.install || test "$${SURECAST_STRICT:-0}" != 1

bench: $(VENV)/.installed-dev  ## the budgets, measured
	@$(BIN)/python -m benchmarks

format: $(VENV)/.installed-dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or say where it is: make PYTHON=/path/to/python3.11"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11. Say where a newer one is: make PYTHON=/path/to/python3.11"; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { echo "Python's venv module is missing. On Debian or Ubuntu: apt install python3-venv"; rm -rf $(VENV); exit 1; }

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	@echo "Setting up in $(VENV), once ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --upgrade pip
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(BIN)/python -m pip install -q --disable-pip-version-check --group dev --group examples
	@touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage* dist
