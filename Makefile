# The front door. Each target installs what it needs (scripts/install.sh), then builds, then does
# what it says.

.DEFAULT_GOAL := help
.PHONY: help demo build test test-all test-clients bench zoo format lint wheel install clean

JOBS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
PREFIX ?= /usr/local
CLIENTS ?= $(patsubst tests/clients/%/run.sh,%,$(wildcard tests/clients/*/run.sh))

help: ## Print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: build ## Enlarge a photograph with a neural network, and show the picture and a table
	@scripts/install.sh demo
	.venv/bin/python examples/super_resolution/demo.py

build: ## Build the library, the command line and the Python module into build/ and .venv
	@scripts/install.sh build
	@scripts/build.sh release -DSARDONYX_TESTS=OFF

test: ## Build and run every quick test
	@scripts/install.sh build test models
	@scripts/build.sh release -DSARDONYX_TESTS=ON
	@scripts/test.sh quick

test-all: ## Run every test: slow ones, sanitizers, clang, fuzzers, AArch64, whole models
	@scripts/install.sh build test ml sanitize models torch cross
	@scripts/build.sh release -DSARDONYX_TESTS=ON
	@scripts/test.sh all

test-clients: ## Run the clients and examples of other languages (CLIENTS="node java": those)
	@scripts/install.sh build test clients $(if $(filter python-packages,$(CLIENTS)),packages)
	@scripts/build.sh release -DSARDONYX_TESTS=OFF
	@tests/clients/run.sh $(CLIENTS)

bench: ## Race ONNX Runtime and OpenVINO here and write BENCHMARKS.md (BENCH=--quick: less)
	@scripts/install.sh build models torch bench
	@scripts/build.sh release
	.venv/bin/python tests/bench/run.py $(BENCH)

zoo: ## Race ONNX Runtime on networks that nothing was tuned for and write docs/zoo.md
	@scripts/install.sh build models torch bench
	@scripts/build.sh release
	.venv/bin/python tests/bench/zoo.py $(ZOO)

format: ## Rewrite the C++ files in the house style
	@scripts/install.sh lint
	@scripts/lint.sh format

lint: ## Check style, layers and clang-tidy
	@scripts/install.sh build test lint
	@scripts/build.sh release -DSARDONYX_TESTS=ON
	@scripts/lint.sh check

wheel: ## Build a Python wheel into dist/
	@scripts/install.sh build
	.venv/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir dist .

install: build ## Install library, headers, CMake package and command line below PREFIX (/usr/local)
	cmake --install build --prefix $(PREFIX)

clean: ## Remove what was built (.venv stays)
	rm -rf build build-* dist
