# make demo       set up .venv, compile the shipped network, run it on the emulated SoC, compare, print the plan
# make test       the test suite (what takes long is left to test-all)
# make test-all   everything, the long sweeps too
# make lint       ruff, pyright, lit
# make operators  docs/operators.md anew (long)
# make bench      host instructions against the peer's (needs valgrind and the peer suite)
PYTHON ?= python3
VENV = .venv
BIN = $(VENV)/bin
PACKAGE = $(VENV)/.package
DEVELOPMENT = $(VENV)/.development
DIGITS = examples/digits
JOBS ?= 2

demo: $(PACKAGE)
	$(BIN)/deeploy check $(DIGITS)/digits_int8.onnx --target siracusa --l1 64KiB \
	  --inputs $(DIGITS)/inputs.npz --expect $(DIGITS)/expect_int8.npz

test: $(DEVELOPMENT)
	$(BIN)/python -m pytest -n $(JOBS) -m "not slow"

test-all: $(DEVELOPMENT)
	$(BIN)/python -m pytest -n $(JOBS)

lint: $(DEVELOPMENT)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lit -q filecheck

operators: $(DEVELOPMENT)
	$(BIN)/python benchmarks/onnx_conformance.py --jobs $(JOBS)

bench: $(PACKAGE)
	$(BIN)/python benchmarks/host_instructions.py

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(PACKAGE): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(DEVELOPMENT): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@ $(PACKAGE)

clean:
	rm -rf $(VENV)

.PHONY: demo test test-all lint operators bench clean
