# Every target makes the environment it needs in .venv: Python 3.11, make and a package index are
# all it takes. A stamp that depends on the lock keeps the second run quick.

PYTHON ?= $(or $(shell for python in python3.11 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done),$(error Python 3.11 or newer is needed; set PYTHON=))

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
DEV := .venv/dev.stamp
BENCH := .venv/bench.stamp
# PolicyEngine-core asks for an older pytest than ours, so it has an environment of its own.
POLICYENGINE := .venv/policyengine.stamp

# More arguments: make test ARGS='-k money', make bench ARGS='--only kernel,lines'.
ARGS ?=
# How long `make fuzz` fuzzes.
ROUNDS ?= 200
# Where `drift` writes a second copy of what is generated, to compare with.
DRIFT := .venv/drift
# Folders that mypy reads; one without Python in it would stop mypy.
TYPED := engine tests benchmarks protos $(if $(wildcard fixtures/*.py),fixtures)

.DEFAULT_GOAL := help
.PHONY: help audit demo test lint bench check drift lock protos schema shapes openapi words
.PHONY: pictures site fuzz fixtures defences

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(DEV) ## Serve, settle a day, real cases and visits over several schemes, explain, query.
	@$(BIN)/medsettle demo

test: $(DEV) ## Run every test; the last line is the summary.
	@$(BIN)/pytest -n 2 $(ARGS)

lint: $(DEV) ## Check style, form and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(TYPED)

bench: $(BENCH) $(POLICYENGINE) ## Measure medsettle beside what a user would pick instead.
	@$(BIN)/python -m benchmarks $(ARGS)

check: lint drift test ## Everything CI runs.

drift: $(DEV) ## Check that generated code and pages are those of today's sources.
	@rm -rf $(DRIFT) && mkdir -p $(DRIFT)
	@$(BIN)/python protos/generate.py $(DRIFT) --descriptors $(DRIFT)/api.binpb
	@$(BIN)/python engine/generate_schema.py $(DRIFT)/schema.md
	@$(BIN)/python engine/generate_directory.py $(DRIFT)/directory.md
	@$(BIN)/python engine/generate_metrics.py $(DRIFT)/metrics.md
	@$(BIN)/python engine/generate_configuration.py $(DRIFT)/configuration.md
	@$(BIN)/python engine/generate_api.py $(DRIFT)/api.md
	@$(BIN)/python engine/generate_logs.py $(DRIFT)/logs.md
	@diff -ru --exclude __pycache__ engine/medsettle/v1 $(DRIFT)/medsettle/v1
	@diff protos/medsettle/v1/api.binpb $(DRIFT)/api.binpb
	@diff -u engine/schema.md $(DRIFT)/schema.md
	@diff -u engine/directory.md $(DRIFT)/directory.md
	@diff -u engine/metrics.md $(DRIFT)/metrics.md
	@diff -u engine/configuration.md $(DRIFT)/configuration.md
	@diff -u engine/api.md $(DRIFT)/api.md
	@diff -u engine/logs.md $(DRIFT)/logs.md
	@$(BIN)/python engine/generate_shapes.py $(DRIFT)/shapes.md $(DRIFT)/front.md
	@diff -u rules/README.md $(DRIFT)/shapes.md
	@diff -u README.md $(DRIFT)/front.md
	@$(BIN)/python engine/generate_openapi.py $(DRIFT)/openapi.json $(DRIFT)/gateway.md
	@diff -u engine/gateway.openapi.json $(DRIFT)/openapi.json
	@diff -u engine/gateway.md $(DRIFT)/gateway.md
	@$(BIN)/python engine/generate_words.py $(DRIFT)/locale engine/medsettle/console/locale
	@diff -ru engine/medsettle/console/locale $(DRIFT)/locale

audit: $(DEV) ## Ask which of the pinned packages have a known weakness.
	@$(BIN)/python engine/deployment/weaknesses.py requirements/dev.txt requirements/bench.txt \
		requirements/policyengine.txt

lock: $(DEV) ## Write the requirement locks anew, keeping the pins that still hold.
	$(BIN)/pip-compile --quiet --extra dev --output-file requirements/dev.txt pyproject.toml
	$(BIN)/pip-compile --quiet --extra dev --extra bench --constraint requirements/dev.txt \
		--output-file requirements/bench.txt pyproject.toml
	$(BIN)/python engine/deployment/locks.py requirements
	$(BIN)/pip-compile --quiet --output-file requirements/policyengine.txt \
		requirements/policyengine.in

protos: $(DEV) ## Generate engine/medsettle/v1 and the descriptor set from protos/.
	@$(BIN)/python protos/generate.py

schema: $(DEV) ## Write schema.md, directory.md, metrics.md, configuration.md, api.md, logs.md.
	@$(BIN)/python engine/generate_schema.py engine/schema.md
	@$(BIN)/python engine/generate_directory.py engine/directory.md
	@$(BIN)/python engine/generate_metrics.py engine/metrics.md
	@$(BIN)/python engine/generate_configuration.py engine/configuration.md
	@$(BIN)/python engine/generate_api.py engine/api.md
	@$(BIN)/python engine/generate_logs.py engine/logs.md

site: $(DEV) ## Make one site of all pages, to be read from the disk: .venv/site/index.html
	@$(BIN)/python -m sphinx -q -W --keep-going -c engine/site . .venv/site

shapes: $(DEV) ## Write the table of rule shapes and the counts into the pages.
	@$(BIN)/python engine/generate_shapes.py rules/README.md README.md

words: $(DEV) ## Gather the words of the console into its catalogues, and compile them.
	@$(BIN)/python engine/generate_words.py engine/medsettle/console/locale

pictures: $(DEV) ## Take the pictures of the console that the README shows; needs Chromium.
	@$(BIN)/python engine/generate_pictures.py engine/pictures

openapi: $(DEV) ## Write the description of the gateway and its table of transactions.
	@$(BIN)/python engine/generate_openapi.py engine/gateway.openapi.json engine/gateway.md

defences: $(DEV) ## Take out each defence of engine/threats.md and see its tests fail.
	@$(BIN)/python -m tests.defences $(ARGS)

fuzz: $(DEV) ## Fuzz the gateway by its description for long (ROUNDS=200).
	@$(BIN)/pytest -q tests/fuzz/test_fuzz_gateway.py --fuzz-rounds $(ROUNDS)

$(DEV): requirements/dev.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) install --require-hashes --requirement requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m medsettle.settle.machine_code
	@touch $@

$(BENCH): requirements/bench.txt $(DEV)
	@$(PIP) install --require-hashes --requirement requirements/bench.txt
	@touch $@

$(POLICYENGINE): requirements/policyengine.txt
	@$(PYTHON) -m venv .venv/policyengine
	@.venv/policyengine/bin/python -m pip --disable-pip-version-check --quiet install \
		--require-hashes --requirement requirements/policyengine.txt
	@touch $@

fixtures: $(DEV) ## Write the generated catalogues and the directory anew from their seeds.
	@$(BIN)/python -m fixtures.make_catalogue
	@$(BIN)/python -m fixtures.make_directory
