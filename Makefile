# Needs make, Python 3.11 or newer with pip, and nothing else. Everything is installed into $(VENV).

PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
SECONDS ?= 60
BIN := $(abspath $(VENV))/bin

.DEFAULT_GOAL := help
.PHONY: help demo test hosts check fmt bench docs fuzz catalogs .venv

help: ## show this list
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /make \1\t/' | expand -t 14

demo: $(VENV)/web.installed ## serve the demo site on http://127.0.0.1:8000 (other port: PORT=8001)
	@cd examples/demo && $(BIN)/python manage.py migrate && exec $(BIN)/python manage.py runserver 127.0.0.1:$(PORT)

test: $(VENV)/dev.installed ## run the tests (some of them: ARGS="-k cookies")
	@$(BIN)/pytest $(ARGS)

hosts: $(VENV)/dev.installed ## run the frameworks' own tests with our sessions in them
	@$(BIN)/pytest tests/hosts $(ARGS)

check: $(VENV)/dev.installed ## what CI checks beside the tests: format, lint, types, layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

fmt: $(VENV)/dev.installed ## format the code and mend what ruff can mend
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

docs: $(VENV)/dev.installed ## run the code that README and docs show
	@$(BIN)/pytest README.md docs

bench: $(VENV)/dev.installed ## run the benchmarks
	@found=; for file in benchmarks/*.py; do \
		[ -e "$$file" ] || continue; found=1; \
		echo "== $$file"; $(BIN)/python "$$file" || exit 1; \
	done; [ -n "$$found" ] || echo "There is no benchmark in benchmarks/ yet."

fuzz: $(VENV)/fuzz.installed ## look for inputs that break the parsers (how long: SECONDS=3600)
	@$(BIN)/python -m tests.fuzz $(SECONDS) $(ARGS)

catalogs: $(VENV)/dev.installed ## after a change of what forms say: bring every language up to date, and compile
	@$(BIN)/pybabel -q extract --no-default-keywords -k said -k say -k counted:1,2 --no-location --sort-output \
		--project coatcheck -o $(VENV)/messages.pot src/coatcheck
	@$(BIN)/pybabel -q update --no-fuzzy-matching --ignore-pot-creation-date --ignore-obsolete --no-wrap \
		-D coatcheck -i $(VENV)/messages.pot -d src/coatcheck/forms/locales
	@$(BIN)/pybabel -q compile -D coatcheck -d src/coatcheck/forms/locales

.venv: $(VENV)/dev.installed

# One stamp for each set of libraries: the demo does not wait for what only the tests need.
$(VENV)/dev.installed: pyproject.toml | $(BIN)/python
	@echo "Installing coatcheck with all that its tests need into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(VENV)/web.installed $@

$(VENV)/fuzz.installed: $(VENV)/dev.installed
	@echo "Installing the fuzzer into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,fuzz]'
	@touch $@

$(VENV)/web.installed: pyproject.toml | $(BIN)/python
	@echo "Installing coatcheck into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[web]'
	@touch $@

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
		echo "There is no $(PYTHON) here: install Python 3.11 or newer, or name yours: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "coatcheck needs Python 3.11 or newer and $(PYTHON) is older: name a newer one, such as make PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make a virtual environment: install python3-venv (Debian, Ubuntu: apt-get install python3-venv), then run make again" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
