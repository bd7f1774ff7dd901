# `make demo` and `make test` are all that a newcomer needs; both install what they use.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
SPEC := specs/lenet5.yaml

.PHONY: demo test test-full lint types format generated bench zoo clean

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=23.2'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[train,dev]'
	touch $(READY)

# Trains LeNet-5 on real digits, exports it, and shows it digits that it never saw.
demo: $(READY)
	rm -rf runs/demo
	$(BIN)/dlc check $(SPEC)
	$(BIN)/dlc train $(SPEC) --run runs/demo
	$(BIN)/dlc export runs/demo -o runs/demo/model.onnx
	$(BIN)/dlc evaluate runs/demo/model.onnx --split test
	$(BIN)/dlc predict runs/demo/model.onnx specs/data/mnist10k.parquet --split test --limit 12

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy -p dlc.compiler -p dlc.runtime -p dlc.grammar -p dlc.specs

test: $(READY) lint types
	$(BIN)/python -m pytest

# The long forms: full sizes, 200 kills, 10,000 generated specs, 1,000 corruptions.
test-full: $(READY) lint types
	$(BIN)/python -m pytest -m 'not gpu'

# Parameters, multiply-accumulates and answers of every network, ours and the published.
zoo: $(READY)
	$(BIN)/python -m tests.zoo

bench: $(READY)
	$(BIN)/python -m tests.benchmarks

# Rewrites what is made from the code: the grammar's table, the schema, the reference.
generated: $(READY)
	$(BIN)/python -m dlc.compiler.syntax.table
	$(BIN)/python -m dlc.compiler.reference

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build runs .pytest_cache .mypy_cache .ruff_cache *.egg-info
