# Each target first makes .venv, once, with the pinned versions and hashes of Testing/Requirements.
# Needed: CPython 3.10 to 3.13 with venv and headers, a C compiler, PyPI. Another Python: make PYTHON=python3.12 test

PYTHON ?= python3
RUN := .venv/bin/python

.PHONY: help demo test test-all lint format bench cmake-lists pins clean venv-run venv-test

help:
	@echo "make demo      score a real CT and write its report to demo-output/"
	@echo "make test      lint, types and tests (what CI runs)"
	@echo "make test-all  the same with the slow tests"
	@echo "make lint      ruff, mypy and import-linter alone;  make format  lets ruff rewrite the code"
	@echo "make bench     compare the speed with PyRadiomics' own command"
	@echo "make cmake-lists  name the module's files in EsoRadiomics/CMakeLists.txt, after adding or removing one or changing a card or schema"
	@echo "make pins      write Testing/Requirements from pyproject.toml, after changing what is needed (uses uv);"
	@echo "               make pins UPGRADE=--upgrade takes the newest versions"
	@echo "make clean     remove what these targets made"

demo: venv-run
	@$(RUN) Testing/Tools/demo.py

# Qt has a process of its own: PySide6 hooks into every import, also of the threads of others, and some stop there.
QT_TESTS := Testing/Python/in_slicer/widgets
IN_PARALLEL := -n logical --maxprocesses 4 --dist loadfile --ignore=$(QT_TESTS)

test: lint
	@$(RUN) -m pytest -m "not slow" $(IN_PARALLEL)
	@$(RUN) -m pytest -m "not slow" $(QT_TESTS)

test-all: lint
	@$(RUN) -m pytest $(IN_PARALLEL)
	@$(RUN) -m pytest $(QT_TESTS)

lint: venv-test
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy
	@PYTHONPATH=EsoRadiomics .venv/bin/lint-imports

format: venv-test
	@$(RUN) -m ruff check --fix-only .
	@$(RUN) -m ruff format .

bench: venv-run
	@PYTHONPATH=Testing/Tools $(RUN) Testing/Benchmarks/bench.py
	@PYTHONPATH=Testing/Tools $(RUN) Testing/Benchmarks/bench_growth.py
	@PYTHONPATH=Testing/Tools $(RUN) Testing/Benchmarks/bench_ibex.py
	@$(RUN) Testing/Benchmarks/bench_robustness.py
	@$(RUN) Testing/Benchmarks/bench_readings.py
	@$(RUN) Testing/Benchmarks/bench_icc.py
	@$(RUN) Testing/Benchmarks/bench_fit.py
	@PYTHONPATH=Testing/Tools $(RUN) Testing/Benchmarks/bench_throughput.py

cmake-lists:
	@$(PYTHON) Testing/Tools/cmake_lists.py

PINS := uv pip compile -q $(UPGRADE) --universal --python-version 3.10 --generate-hashes --no-annotate --no-header

pins:
	@$(PINS) --all-extras --group build --group test -o Testing/Requirements/test.txt pyproject.toml >/dev/null
	@$(PINS) -c Testing/Requirements/test.txt -o Testing/Requirements/run.txt pyproject.toml >/dev/null
	@$(PINS) -c Testing/Requirements/test.txt --group build -o Testing/Requirements/build.txt >/dev/null

clean:
	rm -rf .venv Testing/Cache demo-output bench-output dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

venv-run venv-test: venv-%:
	@command -v $(PYTHON) >/dev/null || { echo "'$(PYTHON)' was not found; install CPython 3.10 to 3.13." >&2; exit 1; }
	@$(PYTHON) Testing/Tools/make_venv.py $*
