# Everything a person or CI does here, each one command. `make` alone says what there is.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PROTOS := $(wildcard proto/raphson/v1/*.proto)
# Where google/rpc/*.proto is: an installed dependency brings it.
PROTOC = $(BIN)/python -m grpc_tools.protoc -Iproto -I$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
# pip reads a wheel or builds from source; nothing is compiled but the engine, at its first start.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help run test engine bench robustness fuzz soak faults lint types contracts stubs settings stubs-check \
    check docs docs-serve clean

help:  ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/server  ## Install, start the service, solve the three examples over gRPC
	$(BIN)/python examples/run.py

# Side by side, file by file, but for what measures seconds, which has the machine to itself.
test: engine  ## Install and run every test
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder -m "not alone"
	$(BIN)/python -m pytest -m alone

engine: $(VENV)/server  ## Compile the engine, unless its machine code is there (a minute)
	$(BIN)/python -c 'import raphson_solver; raphson_solver.warm_up()'

bench: $(VENV)/bench  ## Measure, each figure beside its references (half an hour; close other programs)
	$(BIN)/python -m benchmarks

robustness: $(VENV)/bench  ## Check statuses to 50 digits: standard problems, random starts, no roots, certificates
	$(BIN)/python -m benchmarks.robustness
	$(BIN)/python -m benchmarks.no_roots
	$(BIN)/python -m benchmarks.certificates
	$(BIN)/python -m benchmarks.random_starts

fuzz: $(VENV)/fuzz  ## Send a million odd inputs through parser, graph and wire (a quarter of an hour)
	$(BIN)/python -m benchmarks.fuzz

soak: $(VENV)/server  ## Keep a server at twice its capacity, every reply checked (three minutes)
	$(BIN)/python -m benchmarks.soak

faults: $(VENV)/server  ## Kill, cut, fill and corrupt what a server stands on; say what was lost
	$(BIN)/python -m benchmarks.faults

check: lint types contracts stubs-check docs  ## Lint, types, import contracts, stubs, pages: all that CI adds to the tests

lint: $(VENV)/lint  ## Check style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/lint  ## Check types, with both checkers
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

contracts: $(VENV)/lint  ## Check that imports go one way
	$(BIN)/lint-imports

stubs: $(VENV)/lint  ## Generate the wire's Python stubs from proto/
	$(PROTOC) --python_out=client --pyi_out=client --grpc_python_out=client $(PROTOS)

settings: $(VENV)/server  ## Write the page of the server's settings from the settings
	$(BIN)/python -m raphson_server.settings_page > docs/settings.md

stubs-check: $(VENV)/lint  ## Check that the committed stubs are those of proto/
	@rm -rf $(VENV)/stubs && mkdir -p $(VENV)/stubs
	$(PROTOC) --python_out=$(VENV)/stubs --pyi_out=$(VENV)/stubs --grpc_python_out=$(VENV)/stubs $(PROTOS)
	diff -r --exclude=__pycache__ --exclude=__init__.py $(VENV)/stubs/raphson/v1 client/raphson/v1

# MkDocs announces its successor at every build otherwise.
docs: $(VENV)/lint  ## Build the documentation as a site, into build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

docs-serve: $(VENV)/lint  ## Show the site at http://127.0.0.1:8000, anew when a page changes
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --watch client --watch proto --watch website

clean:  ## Remove what was installed and generated, the engine's cache included
	rm -rf $(VENV) build examples/node/node_modules .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each of these files stands for an installation with more extras than the one before.
$(VENV)/server: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "raphson needs Python 3.11 or later; name one: make PYTHON=python3.12 …" >&2; exit 1; }
	@echo "Installing into $(VENV) (once, about a minute) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable '.[server,test]'
	@touch $@

$(VENV)/lint: $(VENV)/server
	$(INSTALL) --editable '.[server,test,lint,docs]'
	@touch $@

$(VENV)/bench: $(VENV)/server
	$(INSTALL) --editable '.[server,test,bench]'
	@CMAKE_POLICY_VERSION_MINIMUM=3.5 $(INSTALL) NumbaMinpack >/dev/null 2>&1 || \
	    echo "NumbaMinpack did not build (it needs gfortran and cmake): its columns will say so"
	@echo "PETSc, KINSOL and KLU are measured where Debian's python3-petsc4py-real, libopenblas0-pthread,"
	@echo "libsundials-dev and libsuitesparse-dev are installed; without them their rows say so"
	@touch $@

$(VENV)/fuzz: $(VENV)/server
	@$(INSTALL) --editable '.[server,test,fuzz]' || \
	    echo "Atheris did not install (it has wheels for Linux on x86-64): no input will be guided by coverage"
	@touch $@
