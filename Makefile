# `make help` lists the targets
.DEFAULT_GOAL := help
.PHONY: help install run test test-unit test-platform test-kafka test-fast test-faults test-browser test-clients test-containers lint format types boundaries contracts contracts-check bench engine image lock clean
# Tests that also run on Apache Kafka: they read published events from a broker, consume them, or stop it. The results of the other tests
# do not depend on the broker.
ON_KAFKA := $(addprefix tests/,faults/test_kills.py faults/test_refused_events.py faults/test_clocks_apart.py faults/test_versions_side_by_side.py \
  shared/test_kafka_access.py shared/test_outbox_and_inbox.py shared/test_process.py shared/test_replicas_and_restarts.py \
  shared/test_stalled_consumer.py shared/test_odd_records.py shared/test_slow_handlers.py shared/test_parking.py \
  shared/test_order.py shared/test_unsent.py shared/test_topics.py \
  identity/test_accounts.py identity/test_provider.py addresses/test_api.py addresses/test_changes_feed.py addresses/test_provisional.py \
  notifications/test_delivery.py data_sharing/test_agreements.py data_sharing/test_shares.py data_sharing/test_sequencer_and_seed.py \
  move_home/test_api.py)
# Tests that also run on the fast database server: the chassis's tests that use a database, and kill -9 of everything.
ON_FAST := tests/faults $(filter-out $(addprefix tests/shared/test_,dependencies.py start.py \
  kafka_access.py records.py reference.py security.py topics.py),$(wildcard tests/shared/test_*.py))
# Tests that need nothing but Python.
PLAIN := not browser and not clients and not containers and not bulk
# Each worker process has its own engines; the tests of a file stay in one worker and start in the order of tests/conftest.py. Many tests of
# `make test` wait for a broker or a clock, so three workers keep two cores busy.
IN_ORDER := --dist loadfile --no-loadscope-reorder
SIDE_BY_SIDE := -n 2 $(IN_ORDER)
# Tests start hundreds of processes; without bytecode files each would compile every module.
unexport PYTHONDONTWRITEBYTECODE
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '  make %-16s %s\n' "$$name" "$$text"; done

install: $(STAMP) ## make .venv from the pinned requirements and fetch govuk-frontend, if anything changed

$(STAMP): requirements/dev.txt pyproject.toml $(wildcard package-lock.json)
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Name another: make install PYTHON=python3.12")'
	@test -x $(BIN)/python || { echo "Making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing the pinned packages (a minute or two)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m shared.pages.install
	@touch $@

run: install ## start everything on this machine and print the addresses; Ctrl-C stops it
	@exec $(BIN)/blocks up $(ARGS)

test: install ## run the tests that need only Python, without those of `make test-platform` (T="path ..." runs only these)
ifdef T
	$(BIN)/pytest $(T) -m "$(PLAIN)" $(ARGS)
else
	@echo "make test-platform runs whole platforms, kill -9 and builds of the shipped addresses; make help lists the other lanes"
	$(BIN)/pytest -n 3 $(IN_ORDER) -m "$(PLAIN) and not platform" $(ARGS)
endif

test-unit: install ## run the tests that need no engine, no process of their own and no file (under a minute)
	$(BIN)/pytest $(SIDE_BY_SIDE) --unit -m "$(PLAIN) and not platform" $(ARGS)

test-platform: install ## run the tests that start whole platforms, kill processes or build the shipped addresses
	$(BIN)/pytest $(SIDE_BY_SIDE) -m "$(PLAIN) and platform" $(ARGS)

test-kafka: install ## run the tests of everything that uses a broker, on Apache Kafka (Java 17 and Maven)
	BLOCKS_TEST_BROKER=apache $(BIN)/pytest $(SIDE_BY_SIDE) $(ON_KAFKA) -m "not bulk" $(ARGS)

test-fast: install ## run the chassis's tests and kill -9 of everything on the fast database server (after `make engine`)
	BLOCKS_TEST_ENGINE=fast $(BIN)/pytest $(SIDE_BY_SIDE) $(ON_FAST) -m "not bulk" $(ARGS)

test-browser: install ## test the pages in Chromium, with axe's accessibility rules
	$(BIN)/pytest -m browser $(ARGS)

test-clients: install ## test unmodified Node clients against our APIs (npm; fetched once into the user's cache)
	$(BIN)/pytest -m clients $(ARGS)

test-faults: install ## kill -9 at random moments of 200 journeys, 20 rounds (BLOCKS_TEST_BROKER=apache, BLOCKS_TEST_ENGINE=fast choose engines)
	BLOCKS_FAULT_ROUNDS=$${BLOCKS_FAULT_ROUNDS:-20} BLOCKS_FAULT_JOURNEYS=200 BLOCKS_FAULT_KILLS=6 $(BIN)/pytest tests/faults $(ARGS)

test-containers: install ## run services in containers (podman and runc, after `make image`)
	$(BIN)/pytest -m containers $(ARGS)

lint: install ## check style and likely bugs: ruff check and ruff format --check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: install ## format the code and apply ruff's fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: install ## check types: mypy, strict
	$(BIN)/mypy

boundaries: install ## check the import rules (import-linter)
	$(BIN)/lint-imports

contracts: install ## write contracts/asyncapi, openapi and schemas from the code
	$(BIN)/python -m deploy.contracts write

contracts-check: install ## fail if the committed contracts differ from the code, or break a consumer
	$(BIN)/python -m deploy.contracts check

bench: install ## run the benchmarks; each prints a ratio and its bar
	$(BIN)/python -m benchmarks $(ARGS)

engine: install ## build the fast database server once into a cache outside the tree (cargo, cmake, ninja; 4 minutes)
	$(BIN)/python -m deploy.embedded.build_engine $(ARGS)

image: ## build the container image (docker or podman)
	@tool=$$(command -v docker || command -v podman) || { echo "Neither docker nor podman is installed."; exit 1; }; \
	exec "$$tool" build -f deploy/Dockerfile -t london-building-blocks $(ARGS) .

lock: ## pin requirements/*.in to *.txt with hashes
	@for set in dev embedded runtime image; do \
	  test $$set = dev || same="--constraint requirements/dev.txt"; \
	  UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
	    --no-emit-index-url --no-annotate $$same $(ARGS) -o requirements/$$set.txt requirements/$$set.in || exit 1; \
	done

clean: ## remove caches and builds, but neither .venv nor the platform's data
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
