# Every target sets up what it needs in .venv, from constraints.txt, and does so once; test-oldest
# in .venv-oldest, from the lower bounds in pyproject.toml.

PYTHON ?= python3
# Test processes: `logical` is one for each core.
JOBS ?= logical

VENV := .venv
BIN := $(VENV)/bin
CONSTRAINTS := constraints.txt
OLDEST := .venv-oldest

# Tests run in one process for each core: more threads in each would only get in the way. Examples
# are small: threads that wait for each other make them slow where a core is busy.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses=$(JOBS) --maxprocesses=8

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test test-all test-oldest lint format bench docs pictures clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.core ## Show what the bias to short memory costs on a real series
	@echo "Training on monthly airline passengers ..."
	$(BIN)/sklearn-linrnn memory-bias airline

test: $(VENV)/.dev ## Run the tests and doctests, less the slow ones
	$(PYTEST) -m "not slow"

test-all: $(VENV)/.dev ## Run every test
	$(PYTEST)

test-oldest: $(OLDEST)/constraints.txt ## Run `make test` with the oldest versions that pyproject.toml allows
	$(MAKE) test VENV=$(OLDEST) CONSTRAINTS=$(OLDEST)/constraints.txt

lint: $(VENV)/.dev ## Check style, docstrings, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/numpydoc lint $$(find sklearn_linrnn -name '*.py')
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.dev ## Rewrite the code in the common style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/.dev ## Run the benchmarks
	$(BIN)/python -m benchmarks

docs: $(VENV)/.docs ## Build the documentation into docs/_build/html
	rm -rf docs/api/generated
	OMP_NUM_THREADS=1 $(BIN)/sphinx-build --fail-on-warning --keep-going --fresh-env docs docs/_build/html

pictures: $(VENV)/.docs ## Draw the pictures of the README anew, into docs/_static
	$(BIN)/python docs/draw_pictures.py

clean: ## Remove everything that the other targets made
	rm -rf $(VENV) $(OLDEST) build dist docs/_build docs/auto_examples docs/api/generated
	rm -rf docs/sg_execution_times.rst htmlcov .coverage .hypothesis .import_linter_cache
	rm -rf .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# -- Set-up ------------------------------------------------------------------------------

# The lower bounds of all requirements, as constraints.
$(OLDEST)/constraints.txt: pyproject.toml
	@mkdir -p $(@D)
	@grep -oE '"[A-Za-z0-9_.-]+(\[[a-z,]+\])?>=[0-9.]+' $< \
		| sed -E 's/^"//; s/\[[a-z,]+\]//; s/>=/==/' | sort -u > $@

# Installs the package with the extras $(1). Each of these sets holds the core as well.
define install
	@echo "Installing sklearn-linrnn$(1) and the packages that it needs into $(CURDIR)/$(VENV)."
	@echo "They take about 1.5 GB, half of it PyTorch. On Linux, PyTorch for NVIDIA GPUs takes"
	@echo "several GB more; README.md (Install) says how to get the build without them."
	@echo "This takes some minutes, and happens once."
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check \
		--constraint $(CONSTRAINTS) --editable ".$(1)"
	@touch $(VENV)/.core $@
endef

$(VENV)/.core: pyproject.toml $(CONSTRAINTS)
	$(call install,[report])

$(VENV)/.dev: pyproject.toml $(CONSTRAINTS)
	$(call install,[dev])

$(VENV)/.docs: pyproject.toml $(CONSTRAINTS)
	$(call install,[docs])
