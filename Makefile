# make demo       set up .venv, compile the shipped network, run it on the emulated SoC, compare, print the plan
# make test       the test suite (what takes long is left to test-all)
# make test-all   everything, the long sweeps too
# make folders    output folders built with every compiler that they name, by make and cmake
# make lint       ruff, pyright, lit
# make lowest     a part of the suite with the lowest versions that the package declares
# make dist       sdist, wheel and SBOM (CycloneDX) into dist/
# make package    the same, installed in empty environments and tried
# make operators  docs/operators.md anew (long)
# make bench      host instructions against the peer's (needs valgrind and the peer suite)
PYTHON ?= python3
VENV = .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check
PACKAGE = $(VENV)/.package
DEVELOPMENT = $(VENV)/.development
LOWEST = $(VENV)-lowest
DIGITS = examples/digits
DIST = dist
JOBS ?= 2

demo: $(PACKAGE)
	$(BIN)/deeploy check $(DIGITS)/digits_int8.onnx --target siracusa --l1 64KiB \
	  --inputs $(DIGITS)/inputs.npz --expect $(DIGITS)/expect_int8.npz

test: $(DEVELOPMENT)
	$(BIN)/python -m pytest -n $(JOBS) -m "not slow"

test-all: $(DEVELOPMENT)
	$(BIN)/python -m pytest -n $(JOBS)

folders: $(DEVELOPMENT)
	$(BIN)/python -m pytest -rs -n $(JOBS) tests/test_folder_builds.py

lint: $(DEVELOPMENT)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lit -q filecheck

lowest: $(LOWEST)/.development
	$(LOWEST)/bin/python -m pytest -n $(JOBS) -m "not slow" $(addprefix tests/test_,cli.py digits.py float_types.py \
	  frontend.py graph_passes.py quantize.py toolchain.py transfer.py)

package: $(DEVELOPMENT)
	$(BIN)/python -m pytest -m slow tests/test_package.py

dist: $(DEVELOPMENT)
	rm -rf $(DIST)
	$(BIN)/python -m build --outdir $(DIST) .
	$(BIN)/python -m venv --without-pip $(DIST)/installed
	$(PIP) --python $(DIST)/installed/bin/python install --quiet "$$(ls $(DIST)/*.whl)[toolchain]"
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml -o $(DIST)/deeploy-mlir.cdx.json $(DIST)/installed
	rm -rf $(DIST)/installed

operators: $(DEVELOPMENT)
	$(BIN)/python benchmarks/onnx_conformance.py --jobs $(JOBS)

bench: $(PACKAGE)
	$(BIN)/python benchmarks/host_instructions.py

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(PACKAGE): pyproject.toml | $(BIN)/python
	$(PIP) install --quiet -e '.[toolchain]'
	touch $@

$(DEVELOPMENT): pyproject.toml | $(BIN)/python
	$(PIP) install --quiet -e '.[dev,toolchain]'
	touch $@ $(PACKAGE)

$(LOWEST)/.development: pyproject.toml .ci/lowest.txt
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip --disable-pip-version-check install --quiet -c .ci/lowest.txt -e '.[test,toolchain]'
	touch $@

clean:
	rm -rf $(VENV) $(LOWEST) $(DIST)

.PHONY: demo test test-all folders lint lowest package dist operators bench clean
