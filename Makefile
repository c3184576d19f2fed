# `make help` lists what can be made. Only Rust, make and a C compiler are needed beforehand: the tests install the rest
# into .cache/ (scripts/setup.sh says what, and which system packages only root can add).
#
# CI=true: a component that cannot be had is a failure. Otherwise the last lines of `make test` say what was not run.

SHELL := /bin/bash
TARGET := $(abspath $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target))
FUNCTIONS := $(notdir $(wildcard functions/*))
SAM := $(CURDIR)/.cache/sam-venv/bin
# SAM asks for a region even where it talks to nobody.
export AWS_DEFAULT_REGION ?= eu-west-1
export SAM_CLI_TELEMETRY := 0

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo functions setup test check fmt lint words deny doc bench prove build clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: ## put sample objects into an S3 on a folder and see their events arrive in a domain, all on this machine
	cargo run --release -p local -- demo

# Built by the very command that `sam build` runs, in the functions' folders, so that the tests of SAM build nothing
# again; but without link-time optimisation, which costs minutes. `make prove` and `make build` have the deployed
# profile (functions/.cargo/config.toml). Where SAM can't be had, cargo alone does it.
functions test: export CARGO_PROFILE_RELEASE_LTO = false
functions test: export CARGO_PROFILE_RELEASE_CODEGEN_UNITS = 16
functions: ## the functions' binaries, for this machine
	@set -e; mkdir -p $(TARGET)/functions; for function in $(FUNCTIONS); do cd $(CURDIR)/functions/$$function; \
	if [ -x $(SAM)/cargo-lambda ] && [ "$$(uname -s)" = Linux ]; then \
	  PATH=$(SAM):$$PATH cargo lambda build --release; built=$(TARGET)/lambda/$$function/bootstrap; \
	else cargo build --release; built=$(TARGET)/release/$$function; fi; \
	cmp -s $$built $(TARGET)/functions/$$function || install $$built $(TARGET)/functions/$$function; done

setup: ## what the tests need, into .cache/
	scripts/setup.sh

# --no-fail-fast: one broken binary does not hide what the others say. cargo runs them one after another, so that no
# two engines share the machine.
test: export MILLRACE_FUNCTIONS = $(TARGET)/functions
test: setup functions ## every test that this machine can run
	@status=0; cargo test --workspace --no-fail-fast $(TESTFLAGS) || status=$$?; \
	scripts/docker.sh stop; scripts/not-run.sh; exit $$status

check: lint deny doc ## format, lints, licences and sources of dependencies, documentation

fmt:
	cargo fmt --check

lint: fmt words
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --workspace --test prove -- -D warnings # not a test that cargo runs unasked, so not one of all targets

words: ## spelling, and turns that a reader has to guess at
	scripts/setup-typos.sh
	.cache/bin/typos
	scripts/words.sh

# Advisories live in a repository that CI cannot reach: `make deny DENY=check` asks them too.
DENY ?= check bans licenses sources
deny:
	scripts/setup-cargo-deny.sh
	.cache/bin/cargo-deny --log-level warn $(DENY)

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --quiet

bench: ## what the rules cost beside decoding, and whether the promised bounds hold
	cargo bench -p pipeline --bench rules

# The long runs, with the functions as they are deployed. functions/.cargo/config.toml is read from that folder only.
prove: export MILLRACE_FUNCTIONS = $(TARGET)/deployed/release
prove: export MILLRACE_CELL = $(CELL)
prove: ## the million-event runs and the fault matrix (docs/FAULTS.md), with the deployed profile; CELL=ROW/COLUMN/SOURCE runs cells of it
	scripts/setup.sh
	cd functions && cargo build --release --target-dir "$(TARGET)/deployed" $(FUNCTIONS:%=-p %)
	cargo test --release -p tests --test prove -- --nocapture --test-threads=1 $(if $(CELL),faults::)

build: ## what `sam deploy` takes (arm64; `make build ARCHITECTURE=x86_64` for the other)
	scripts/setup-sam.sh
	cargo fetch --locked # SAM's cargo would change Cargo.lock where it does not fit
	PATH="$(SAM):$$PATH" sam build --parameter-overrides Architecture=$(or $(ARCHITECTURE),arm64)

clean: ## what was built; what was installed stays (rm -rf .cache)
	-scripts/docker.sh stop
	cargo clean
	rm -rf .aws-sam
