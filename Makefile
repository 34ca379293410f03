# `make demo` and `make test` need Python >= 3.11 and make, nothing else; uv is used where it is on PATH.
PYTHON ?= python3
VENV ?= .venv
FLOORS ?= .venv-floors
SHELL := /bin/sh
.DEFAULT_GOAL := help

BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
export PIP_ROOT_USER_ACTION := ignore
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# An index that hiccups is asked again; what was set outside counts.
export PIP_RETRIES ?= 7
export PIP_DEFAULT_TIMEOUT ?= 60
export UV_HTTP_RETRIES ?= 7
export UV_HTTP_TIMEOUT ?= 60
EXTRAS := redis,postgres,openapi,social,challenge,provider

ifeq ($(UV),)
create = "$(PYTHON)" -m venv $(1) && $(1)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
install = $(1)/bin/python -m pip install --quiet
else
create = "$(UV)" venv --quiet --allow-existing --python "$(PYTHON)" $(1)
install = "$(UV)" pip install --quiet --python $(1)/bin/python
endif

.PHONY: help
help:
	@echo 'make demo          a small site that uses all of it, on PORT (8000 unless given)'
	@echo 'make test          every test, with the parts that it needs; ARGS="-k name" for some'
	@echo 'make test-core     the core app in half a minute, for the daily loop'
	@echo 'make test-quick    the tests that need no service, on SQLite'
	@echo 'make test-versions what other versions of Django, DRF and Python may break; VENV=, PYTHON= for another'
	@echo 'make test-floors   the same on the oldest versions of what authkit depends on'
	@echo 'make settings      the files that are made of the settings: the type of the block, docs/settings.md'
	@echo 'make lint          static checks; make format mends what can be mended'
	@echo 'make bench         authkit beside its peers, in minutes; ARGS="auth --db sqlite", for one; benchmarks/README.md'
	@echo 'make clean         removes the virtual environments and what tests leave behind'

.PHONY: demo
demo: $(VENV)/.demo
	@exec $(BIN)/python manage.py demo

.PHONY: test
test: $(VENV)/.dev $(VENV)/.mysql
	@exec $(BIN)/python -m tests.run $(ARGS)

.PHONY: test-core
test-core: $(VENV)/.dev
	@exec $(BIN)/python -m tests.run --only core $(ARGS)

.PHONY: test-quick
test-quick: $(VENV)/.dev
	@exec $(BIN)/python -m tests.run --only quick $(ARGS)

.PHONY: test-versions
test-versions: $(VENV)/.dev
	@exec $(BIN)/python -m tests.run --only versions $(ARGS)

.PHONY: test-floors
test-floors: $(FLOORS)/.floors
	@exec $(FLOORS)/bin/python -m tests.run --only versions $(ARGS)

.PHONY: settings
settings: $(VENV)/.dev
	@# By way of another file: the command imports the one that it is to replace.
	@$(BIN)/python manage.py authkit_settings --typed > typed.py.new && mv typed.py.new authkit/typed.py
	@$(BIN)/python manage.py authkit_settings --markdown > settings.md.new && mv settings.md.new docs/settings.md

.PHONY: lint
lint: $(VENV)/.dev
	@exec $(BIN)/python -m tests.run --only lint

.PHONY: format
format: $(VENV)/.dev
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

.PHONY: bench
bench: $(VENV)/.bench
	@exec $(BIN)/python -m benchmarks $(or $(ARGS),all --json benchmarks.json)

.PHONY: clean
clean:
	rm -rf .venv .venv-* $(VENV) $(FLOORS) .demo .coverage* htmlcov dist build benchmarks.json
	rm -rf .hypothesis .mypy_cache .ruff_cache .pytest_cache .import_linter_cache tests/services/openid/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- virtual environments: a stamp for each thing installed, older than pyproject.toml means install again

.PHONY: python
python:
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo 'authkit needs Python >= 3.11, and there is no $(PYTHON); name another: make PYTHON=...' >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "authkit needs Python >= 3.11; $(PYTHON) is $$("$(PYTHON)" --version 2>&1); name another: make PYTHON=..." >&2; \
	  exit 1; }
	@test -n "$(UV)" || "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo '$(PYTHON) has no ensurepip, so it can make no virtual environment.' >&2; \
	  echo 'On Debian or Ubuntu: apt-get install python3-venv. Or put uv on PATH.' >&2; exit 1; }

$(VENV)/.venv: | python
	$(call create,$(VENV))
	@touch $@

$(FLOORS)/.venv: | python
	$(call create,$(FLOORS))
	@touch $@

$(VENV)/.demo: $(VENV)/.venv pyproject.toml
	$(call install,$(VENV)) --editable '.[$(EXTRAS)]' --group demo
	@touch $@

$(VENV)/.dev: $(VENV)/.venv pyproject.toml
	$(call install,$(VENV)) --editable '.[$(EXTRAS)]' --group dev
	@touch $@

$(VENV)/.bench: $(VENV)/.venv pyproject.toml
	$(call install,$(VENV)) --editable '.[$(EXTRAS)]' --group bench
	@touch $@

# mysqlclient has no wheels for Linux: without a compiler and libmariadb the pass on MariaDB says that it is left out.
$(VENV)/.mysql: $(VENV)/.dev
	@$(call install,$(VENV)) '.[mysql]' >/dev/null 2>&1 || echo 'mysqlclient could not be built here: no MariaDB pass'
	@touch $@

# Only what a project's own environment would hold is taken at its lowest; the test tools come on top, as they are.
$(FLOORS)/.floors: $(FLOORS)/.venv pyproject.toml
	$(call install,$(FLOORS)) uv
	$(FLOORS)/bin/uv pip install --quiet --python $(FLOORS)/bin/python --resolution lowest-direct --editable '.[$(EXTRAS)]'
	$(FLOORS)/bin/uv pip install --quiet --python $(FLOORS)/bin/python --group test
	@touch $@
