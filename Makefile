# Every target makes its own set-up: on a fresh machine `make demo` is one command.
# Options for the command behind a target go into ARGS:
#
#     make demo ARGS="--headless -u 20 -r 5 -t 30s"
#     make test ARGS="tests/gate -x"

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
ARGS ?=
BIN := .venv/bin

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## the cockpit against a small real stack on this machine
	@scripts/setup servers
	@$(BIN)/rampdeck demo $(ARGS)

.PHONY: test
test: ## the tests, against real servers
	@scripts/setup servers terminal
	@$(BIN)/python -m tests $(ARGS)

.PHONY: check
check: ## lint, format, types, import rules
	@scripts/setup
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

.PHONY: bench
bench: ## the README's figures, measured on this machine
	@scripts/setup servers
	@$(BIN)/python -m bench $(ARGS)

.PHONY: wheel
wheel: ## the installable package, into dist/
	@scripts/setup
	@$(BIN)/python -m build --wheel --no-isolation $(ARGS)

# What is locked already is the starting point: only what must move moves.
# ARGS=--upgrade moves everything. No hashes: see CONTRIBUTING.md.
.PHONY: lock
lock: ## requirements.lock from pyproject.toml (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv, the resolver: pip install uv" >&2; exit 1; }
	@uv pip compile pyproject.toml --extra demo --group dev --universal --python-version 3.11 \
		--no-header --no-annotate --quiet --output-file requirements.lock $(ARGS)

.PHONY: clean
clean: ## remove .venv, dist and every cache
	@rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@rm -f snapshot_report.html
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
