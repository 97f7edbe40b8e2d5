# A plain python3 and make are all this takes; everything else goes into .venv, or into that of make VENV=... PYTHON=...

PYTHON ?= python3
# Passed on: make serve ARGS='--port 2525 --backend maildir:Maildir', make test ARGS='-k lmtp'
ARGS ?=
# How many processes run the tests; auto: tests/scheduling.py decides.  make test JOBS=0 runs them in one process.
JOBS ?= auto

VENV := .venv
BIN := $(VENV)/bin
PIP := python -m pip --quiet --disable-pip-version-check
# The pip of Debian 12 cannot install dependency groups. A newer one is not replaced.
PIP_WITH_GROUPS := 'pip>=25.1'

# With it, each of some thousand processes of a test run would compile the package and its tests again.
unexport PYTHONDONTWRITEBYTECODE

# Unbuffered, for a log that is read while the tests run.
PYTEST = -u -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder --override-ini console_output_style=count

.PHONY: serve test test-quick siege fuzz mutants matrix lint types docs bench bench-quick map release
.PHONY: audit lock clean

serve: $(VENV)/made-to-serve
	$(BIN)/twistd -n smtpx $(ARGS)

test: $(VENV)/made-to-develop
	$(if $(ARGS),,@echo 'All tests take about 9 minutes on two cores.  The slow ones come first; each line ends with the tests that have run.')
	$(BIN)/python $(PYTEST) $(ARGS)

# In under a minute: what opens no socket and starts no process.
test-quick: $(VENV)/made-to-develop
	$(BIN)/python $(PYTEST) -p tests.quick -m 'not system' \
	    $(addprefix tests/,grammar dialog errors extensions sasl wire) $(ARGS)

# All of it, a quarter of an hour; a short form is among the tests.
siege: $(VENV)/made-to-develop
	TXSMTPX_SIEGE=full TXSMTPX_SIEGE_WRITE=1 $(BIN)/python -m pytest tests/siege $(ARGS)

# A minute for each target, or ARGS='--seconds 3600 server_dialog'; on Linux.
fuzz: $(VENV)/made-to-develop
	$(BIN)/python -m tests.hunt.fuzz $(ARGS)

# Half an hour or more; part of it with ARGS="'txsmtpx.grammar.path*'".
mutants: $(VENV)-mutants/made
	PATH="$(CURDIR)/$(VENV)-mutants/bin:$$PATH" $(VENV)-mutants/bin/python -m tests.hunt.mutants $(ARGS)

# Tests on each Python that is installed, with the oldest and the newest Twisted: half an hour. It writes docs/install.md.
matrix:
	$(PYTHON) .ci/matrix.py $(ARGS)

lint: $(VENV)/made-to-develop
	$(BIN)/ruff check $(ARGS)

types: $(VENV)/made-to-develop
	$(BIN)/mypy $(ARGS)

docs: $(VENV)/made-to-develop
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --doctree-dir docs/_build/doctrees $(ARGS) docs docs/_build/html

# For an hour the machine should do nothing else.
bench: $(VENV)/made-to-measure
	$(BIN)/python -m benchmarks install
	$(BIN)/python -m benchmarks --record $(ARGS)

bench-quick: $(VENV)/made-to-measure
	$(BIN)/python -m benchmarks quick $(ARGS)

map: $(VENV)/made-to-develop
	$(BIN)/python -m benchmarks.structure

# The sdist and the wheel, in build/release, checked on each Python that is installed.
release: $(VENV)/made-to-develop
	$(BIN)/python .ci/release.py $(ARGS)

# Whether an advisory is about what CI installs.
audit: $(VENV)/made-to-develop
	.ci/audit

# What CI installs from now on: what is in .venv.
lock: $(VENV)/made-to-develop
	$(BIN)/python -m pip freeze --exclude-editable >.ci/lock.txt

clean:
	rm -rf $(VENV) $(VENV)-* build dist docs/_build .fuzz mutants .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name dropin.cache -type f -delete

# The stamps say what is in .venv, so that it is made again only when pyproject.toml has changed.

$(VENV)/made-to-serve: pyproject.toml | $(BIN)/python
	$(BIN)/$(PIP) install --editable '.[web]'
	@touch $@

$(VENV)/made-to-develop: pyproject.toml | $(BIN)/python
	$(BIN)/$(PIP) install $(PIP_WITH_GROUPS)
	$(BIN)/$(PIP) install --editable '.[all]' $(addprefix --group ,test lint docs release)
	@touch $@ $(VENV)/made-to-serve

$(VENV)/made-to-measure: pyproject.toml | $(BIN)/python
	$(BIN)/$(PIP) install $(PIP_WITH_GROUPS)
	$(BIN)/$(PIP) install --editable . --group bench
	@touch $@ $(VENV)/made-to-serve

# A place of its own: mutmut brings a good many packages that nothing else needs.
$(VENV)-mutants/made: pyproject.toml | $(BIN)/python
	$(PYTHON) -m venv $(VENV)-mutants
	$(VENV)-mutants/bin/$(PIP) install $(PIP_WITH_GROUPS)
	$(VENV)-mutants/bin/$(PIP) install --editable '.[all]' --group mutants
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) cannot make a virtual environment: it is missing, or lacks the modules venv and ensurepip." >&2; \
	    echo "On Debian and Ubuntu they come with: apt-get install python3-venv" >&2; \
	    exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "txsmtpx needs Python 3.11 or newer; say which with: make PYTHON=/path/to/python3" >&2; \
	    exit 1; }
	$(PYTHON) -m venv $(VENV)
