# Every command of the project. `make` alone lists them.
PYTHON ?= $(firstword $(foreach name,python3.12 python3.11 python3 python,$(if $(shell $(name) -c 'import sys; print("ok" if (3, 11) <= sys.version_info[:2] <= (3, 12) else "")' 2>/dev/null),$(name))))
VENV ?= .venv
BIN := $(VENV)/bin
RUN ?= runs/sample
TESTS := --numprocesses 2 --dist loadgroup

.DEFAULT_GOAL := help
.PHONY: help setup sample test check format docs test-kills bench-filters bench-dedup bench-dedup-100m bench-dedup-quality bench-scoring bench-classifiers bench-gate train data-run clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-19s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready ## Create the environment in .venv

sample: $(VENV)/.ready ## Run the whole job on the built-in sample, on an embedded Ray, and print the funnel
	@$(BIN)/python -m sample.make_sample runs/sample-shards
	@$(BIN)/migaki run configs/sample.yaml --input runs/sample-shards --output $(RUN)

test: $(VENV)/.ready ## Run the tests
	@$(BIN)/python -m pytest $(TESTS)

check: $(VENV)/.ready ## Lint, types, import rules and tests: all that CI runs
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest $(TESTS)

format: $(VENV)/.ready ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(VENV)/.ready ## Write configs/recipe.schema.json and docs/steps.md anew
	@$(BIN)/migaki schema > configs/recipe.schema.json
	@$(BIN)/python -c 'from pipeline.step_list import step_list; print(step_list(), end="")' > docs/steps.md

test-kills: $(VENV)/.ready ## Kill runs and workers at many more random moments (slow)
	@MIGAKI_KILLS=10 $(BIN)/python -m pytest tests/faults

bench-filters: $(VENV)/.bench ## Measure chains, kernels and steps beside the peers (MIGAKI_DATA or ../shared/data)
	@$(BIN)/python -m benchmarks.filters

bench-dedup: $(VENV)/.ready ## Measure deduplication of 1 and 10 million planted documents, beside datatrove's (10 GB of disk)
	@$(BIN)/python -m benchmarks.dedup

bench-dedup-100m: $(VENV)/.ready ## The same of 100 million; set FOLDER to a place with 45 GB
	@$(BIN)/python -m benchmarks.dedup --documents 100000000 --folder $(FOLDER) --results benchmarks/results/dedup_100m.json

bench-dedup-quality: $(VENV)/.ready ## Measure recall and precision of MinHash against exact Jaccard (MIGAKI_DATA or ../shared/data)
	@$(BIN)/python -m benchmarks.dedup_quality

bench-scoring: $(VENV)/.ready ## Measure scoring beside scikit-learn and fastText (MIGAKI_DATA or ../shared/data)
	@$(BIN)/python -m benchmarks.scoring

bench-classifiers: $(VENV)/.ready ## Measure the classifiers on documents held out (MIGAKI_DATA or ../shared/data)
	@$(BIN)/python -m benchmarks.classifiers

bench-gate: $(VENV)/.ready ## Measure the byte gate on the real data (MIGAKI_DATA or ../shared/data)
	@$(BIN)/python benchmarks/kana_gate.py

train: $(VENV)/.ready ## Train the shipped classifiers anew, with the same bytes (MIGAKI_DATA or ../shared/data)
	@for name in quality_ja toxicity_ja genre_ja; do \
	  $(BIN)/migaki train $$name --data "$${MIGAKI_DATA:-../shared/data}" --output classifiers/models/$$name || exit; done

data-run: $(VENV)/.ready ## Run the default recipe on the real data (MIGAKI_DATA or ../shared/data)
	@$(BIN)/python benchmarks/real_shards.py --output runs/real-shards
	@$(BIN)/migaki run ja_web --input runs/real-shards --output runs/real

clean: ## Remove the environment and local runs
	rm -rf $(VENV) runs

$(VENV)/.bench: $(VENV)/.ready
	@echo "Installing the peers into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary ':all:' --no-binary unidic-lite --constraint constraints.txt --editable '.[bench]'
	@touch $@

$(VENV)/.ready: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Migaki needs Python 3.11 or 3.12; set PYTHON=/path/to/it" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary ':all:' --no-binary unidic-lite --constraint constraints.txt --editable '.[dev]'
	@touch $@
