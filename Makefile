# From a bare clone: `make run` or `make test`. Each makes the environment it needs.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -qq

INSTALLED := $(VENV)/.installed

PYTHONS  ?= 3.11 3.12 3.13
SCENARIO ?= scenarios/colorectal.toml

.DEFAULT_GOAL := help
.PHONY: help run demo test long lint mutants matrix audit hostile soak bench docs pictures questions validation claims env compiled clean

help:
	@echo "make run     run the headline scenario: summary table, results, figure (SCENARIO=... for another)"
	@echo "make demo    open the classroom in the browser"
	@echo "make test    run the tests"
	@echo "make long    run the statistical checks that take minutes"
	@echo "make lint    check the code's form and types"
	@echo "make mutants see whether the tests notice small defects put in on purpose (an hour; continues where it stopped)"
	@echo "make matrix  run a part of the tests on Python $(PYTHONS), with the newest and with the oldest packages"
	@echo "make audit   are the pinned packages known to be vulnerable, and what are their licences (0 clean, 1 found, 2 not audited)"
	@echo "make hostile run the tests busy, in the background, in another locale, as another user, from another folder, in random order"
	@echo "make soak    commands under random kills, full disks and clock jumps for an hour (continues where it stopped)"
	@echo "make bench   measure everything against its rivals: a table and benchmarks/report.json (25 minutes)"
	@echo "make docs    build the manual in docs/_build/html"
	@echo "make pictures draw the pictures of the README again (a minute or two)"
	@echo "make claims    ask every statement of the sources, for docs/claims.md (hours; goes on where it was)"
	@echo "make questions ask every scenario its question with three seeds, for docs/questions.md (several hours)"
	@echo "make validation lay the model beside every published row, for docs/validation.md (ten minutes)"
	@echo "make env     only make the environment in $(VENV)"
	@echo "make clean   remove the environment and all caches (results stay)"
	@echo "PYTHON=...   the Python to build with, 3.11 or newer (now: $(PYTHON))"

run: compiled
	@$(BIN)/python run_sim.py run $(SCENARIO)

test: $(INSTALLED)-test compiled
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

long: $(INSTALLED)-test compiled
	@$(BIN)/python -m pytest -m long

lint: $(INSTALLED)-lint
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m mypy sim

mutants: $(INSTALLED)-test compiled
	@$(BIN)/python -m tests.mutants

matrix: $(INSTALLED)-matrix
	@$(BIN)/python -m tests.matrix $(PYTHONS)

audit: $(INSTALLED)-audit
	@$(BIN)/python -m tests.audit

hostile: $(INSTALLED)-test compiled
	@$(BIN)/python -m tests.hostile_runs

soak: $(INSTALLED)-test compiled
	@$(BIN)/python -m tests.soak 60

demo: $(INSTALLED)-demo compiled
	@$(BIN)/python run_sim.py demo

bench: $(INSTALLED)-test compiled
	@$(BIN)/python -m benchmarks

docs: $(INSTALLED)-docs
	@$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "Open docs/_build/html/index.html"

pictures: compiled
	@$(BIN)/python run_sim.py run colorectal --patients 1000 --seed 1 --out results/pictures/colorectal --quiet
	@$(BIN)/python run_sim.py run colorectal --patients 1000 --seed 1 --off dual_blood_supply --out results/pictures/without_portal_vein --quiet
	@$(BIN)/python run_sim.py plot results/pictures/colorectal --what body,cascade --format png --out docs/pictures
	@$(BIN)/python run_sim.py compare results/pictures/colorectal results/pictures/without_portal_vein --format png --out results/pictures/compare
	@cp results/pictures/compare/compare.png docs/pictures/compare.png

questions: compiled
	@$(BIN)/python run_sim.py ask all --seed 1 --seed 2 --seed 3
	@cp results/questions/questions.md docs/questions.md

validation: compiled
	@$(BIN)/python run_sim.py validate --out results/validation
	@cp results/validation/validation.md docs/validation.md
	@cp results/validation/validation/*.png docs/validation/

claims: compiled
	@$(BIN)/python run_sim.py claims --out results/claims
	@cp results/claims/claims.md results/claims/claims_forest.png docs/

env: compiled

# The program itself knows what is compiled, for this state of the sources and this machine.
compiled: $(INSTALLED)
	@$(BIN)/python run_sim.py compile --quiet

# One recipe for a new and for an outdated environment: pip changes only what differs.
$(INSTALLED): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "error: there is no '$(PYTHON)' here: install Python 3.11 or newer, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: $(PYTHON) is `$(PYTHON) --version 2>&1`, and 3.11 or newer is needed: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "error: $(PYTHON) cannot make virtual environments: install its venv package (Debian, Ubuntu: apt install python3-venv), or name another Python: make PYTHON=python3.12" >&2; exit 1; }
	@$(BIN)/python -c 'import pip' 2>/dev/null || { \
	  echo "Making the environment in $(VENV)"; $(PYTHON) -m venv --clear $(VENV); }
	@echo "Installing the packages"
	@$(PIP) install --editable . --constraint constraints.txt
	@touch $@

# What only some need, into the same environment: one stamp an extra of pyproject.toml.
$(INSTALLED)-%: $(INSTALLED)
	@echo "Installing the packages of the extra $*"
	@$(PIP) install --editable '.[$*]' --constraint constraints.txt
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .hypothesis
	find $(wildcard sim tests benchmarks) -name __pycache__ -type d -prune -exec rm -rf {} +
