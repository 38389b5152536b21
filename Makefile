# Playtape's commands. Each sets up what it needs: a fresh machine with a Python >= 3.11 is enough.
#
#   make demo    label the shipped sample with the shipped model and write a page to look at
#   make test    run all tests
#   make check   format, lint, types, layers, then all tests
#   make fuzz    a million damaged files and messages over all that reads them, new ones every day; SEED=20261122 says whose
#   make proto   generate recordings/proto/*_pb2.py from the .proto files beside them
#
# PYTHON=python3.12 chooses an interpreter, VENV=path another place for the environment, JOBS=4 more test processes.

VENV ?= .venv
OUT ?= out/demo
JOBS ?= 2
PYTEST_ARGS ?=
SEED ?= $(shell date +%Y%m%d)

PY := $(VENV)/bin/python
# The installer's stamps: they hold until the dependencies or the interpreter's choice change.
CORE := $(VENV)/.core-installed
DEV := $(VENV)/.dev-installed
PIP_INSTALL := $(PY) -m pip install -qq --disable-pip-version-check --no-compile -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test check style format lint types layers fuzz proto install clean

help:
	@sed -n 's/^#   //p' Makefile

demo: $(CORE)
	@$(VENV)/bin/playtape demo --out $(OUT)

test: $(DEV)
	@OMP_NUM_THREADS=1 $(PY) -m pytest -n $(JOBS) $(PYTEST_ARGS)

check: style test

style: format lint types layers

format: $(DEV)
	@$(PY) -m ruff format --check --quiet . || { echo "Some files are not formatted; run: $(PY) -m ruff format ." >&2; exit 1; }

lint: $(DEV)
	@$(PY) -m ruff check --quiet .

types: $(DEV)
	@$(PY) -m ty check --output-format concise --python $(VENV)

layers: $(DEV)
	@$(VENV)/bin/lint-imports --no-logo

fuzz: $(DEV)
	@OMP_NUM_THREADS=1 PYTHONPATH=. $(PY) scripts/fuzz.py --inputs 1000000 --seed $(SEED) --out out/fuzz

proto: $(DEV)
	@$(PY) -m grpc_tools.protoc -I. --python_out=. --pyi_out=. playtape/recordings/proto/*.proto

install: $(DEV)

clean:
	rm -rf $(VENV) out build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(PY):
	@PYTHON="$(PYTHON)" VENV="$(VENV)" bash scripts/venv.sh

$(CORE): pyproject.toml constraints.txt | $(PY)
	@echo "Installing Playtape and what it runs on (1.3 GB with a CPU build of torch: one minute, or several) ..."
	@$(PIP_INSTALL) -e . || { echo "The installation failed: the reason stands above. 'make clean' starts afresh." >&2; exit 1; }
	@touch $@

$(DEV): pyproject.toml constraints.txt $(CORE)
	@echo "Installing the tools of the tests, ViZDoom, pygame-ce, websockets and uvicorn ..."
	@$(PIP_INSTALL) -e '.[annotate,atari,dev,doom,formats,pages,ray,serve,text,toy,video,window]' || { echo "The installation failed: the reason stands above. 'make clean' starts afresh." >&2; exit 1; }
	@touch $@
