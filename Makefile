# `make demo` and `make test` do all of their own set-up in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(abspath $(VENV))/bin
export PATH := $(BIN):$(PATH)

.PHONY: help taste demo docs test test-slow test-cluster lint clean

help:
	@echo "make taste         one network, two measures: the first figures, in a minute"
	@echo "make demo          train, measure and report the embedded study (minutes, two cores)"
	@echo "make docs          these documents as a site, every link checked"
	@echo "make test          all tests that need no server"
	@echo "make test-slow     simulations, kills, other processors, damaged files by the thousand (minutes)"
	@echo "make test-cluster  tests on a real one-node SLURM and sshd (root: installs them)"
	@echo "make lint          ruff, mypy, snakefmt"
	@echo "make clean         remove results, logs and caches of this study"

# Pinned versions first, then this package as it stands in the working tree.
$(VENV)/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "$(PYTHON): no Python 3.11 or newer; name one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

taste: $(VENV)/installed
	@test -e tmp/taste/params.yaml || probecore init tmp/taste > /dev/null
	@cd tmp/taste && snakemake --quiet host progress rules
	@echo "First figure: $(CURDIR)/tmp/taste/results/mechanism/lenet5/depth.png"
	@echo "Report: $(CURDIR)/tmp/taste/results/report/index.html"

demo: $(VENV)/installed
	@snakemake --quiet host progress rules
	@probecore verify --tolerant
	@echo "Report: $(CURDIR)/results/report/index.html"

# In an environment of its own: it reads docstrings and imports nothing of this package.
$(VENV)/docs/installed: requirements.docs.lock
	$(PYTHON) -m venv $(VENV)/docs
	$(VENV)/docs/bin/pip install --quiet --disable-pip-version-check --requirement requirements.docs.lock
	touch $@

docs: $(VENV)/docs/installed
	@NO_MKDOCS_2_WARNING=1 $(VENV)/docs/bin/mkdocs build --strict --quiet
	@echo "Documents: $(CURDIR)/tmp/site/index.html"

test: $(VENV)/installed
	pytest --numprocesses 2 --dist worksteal

test-slow: $(VENV)/installed
	pytest -m slow --numprocesses 2

test-cluster: $(VENV)/installed
	tests/cluster/one_node_slurm.sh install
	pytest -m cluster tests/cluster --numprocesses 4 --dist loadfile

lint: $(VENV)/installed
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check Snakefile workflow

clean:
	rm -rf data results/*/*/ results/report logs .snakemake .probecore
