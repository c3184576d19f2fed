# `make help` lists the targets. They need only Rust, make and a C compiler. The tests install the rest into .cache/
# (scripts/setup.sh), and name the system packages that only root can install.
#
# With CI=true a component that cannot be installed is a failure. Without it, the last lines of `make test` list the skipped tests.

SHELL := /bin/bash
TARGET := $(abspath $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target))
FUNCTIONS := $(notdir $(wildcard functions/*))
SAM := $(CURDIR)/.cache/sam-venv/bin
# SAM requires a region even if it sends no request.
export AWS_DEFAULT_REGION ?= eu-west-1
export SAM_CLI_TELEMETRY := 0

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo functions setup test check fmt lint words deny doc bench emulated engines prove compare build release reproducible clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: ## put sample objects into an S3 on a folder and see their events arrive in a domain, all on this machine
	@echo "cargo compiles the program millrace and the function s3-ingest. That takes minutes the first time."
	cargo build -p millrace -p s3-ingest
	$(TARGET)/debug/millrace demo

# Builds all functions at once, with the command of `sam build`, so that the tests of SAM do not build again.
# Link-time optimisation is off, because it costs minutes. `make prove` and `make build` use the deployed profile
# (functions/.cargo/config.toml). Symbols stay, since a test counts the copies of the parser (tests/tests/binaries.rs). Without
# SAM, cargo builds alone.
functions test: export CARGO_PROFILE_RELEASE_LTO = false
functions test: export CARGO_PROFILE_RELEASE_STRIP = none
functions test: export CARGO_PROFILE_RELEASE_CODEGEN_UNITS = 16
# Without nasm, requests are compressed by zlib-rs.
functions: export MILLRACE_IGZIP = optional
functions: ## the functions' binaries, for this machine
	@set -e; mkdir -p $(TARGET)/functions; cd functions; \
	if [ -x $(SAM)/cargo-lambda ] && [ "$$(uname -s)" = Linux ]; then \
	  PATH=$(SAM):$$PATH cargo lambda build --release --manifest-path ../Cargo.toml $(FUNCTIONS:%=-p %); built=lambda/%/bootstrap; \
	else cargo build --release $(FUNCTIONS:%=-p %); built=release/%; fi; \
	for function in $(FUNCTIONS); do binary=$(TARGET)/$${built/\%/$$function}; \
	cmp -s $$binary $(TARGET)/functions/$$function || install $$binary $(TARGET)/functions/$$function; done

setup: ## the components of the tests, into .cache/
	scripts/setup.sh

# --no-fail-fast: a failed test binary does not hide the results of the others. cargo runs them one after another, so
# only one engine runs at a time. The hash of the commit chooses two other engines for some of the tests.
test: export MILLRACE_FUNCTIONS = $(TARGET)/functions
test: setup functions ## every test that this machine can run
	@status=0; cargo test --workspace --no-fail-fast $(TESTFLAGS) || status=$$?; \
	$(if $(TESTFLAGS),,scripts/engines/matrix.sh --two || status=$$?;) \
	scripts/docker.sh stop; scripts/not-run.sh; exit $$status

check: lint deny doc ## format, lints, licences and sources of dependencies, documentation

fmt:
	cargo fmt --check

lint: fmt words
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --workspace --test prove --test compare -- -D warnings # `test = false`, so --all-targets leaves them out

words: ## spelling, and turns that a reader has to guess at
	scripts/setup-typos.sh
	.cache/bin/typos
	scripts/words.sh

# Advisories are in a repository that CI cannot reach. `make deny DENY=check` checks them too.
DENY ?= check bans licenses sources
deny:
	scripts/setup-cargo-deny.sh
	.cache/bin/cargo-deny --log-level warn $(DENY)

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --quiet

bench: ## the cost of the rules relative to decoding, the instructions of each step beside those committed, and whether the bounds hold
	cargo bench -p pipeline --bench steps
	cargo bench -p pipeline --bench rules

emulated: ## the compressor igzip on emulated processors of both architectures
	scripts/igzip-emulated.sh

engines: export MILLRACE_FUNCTIONS = $(TARGET)/functions
engines: functions ## the same scenarios on each of eleven engines, whose results are docs/ENGINES.md
	scripts/moto/moto.sh build
	cargo test --workspace --test wire --no-run
	scripts/engines/matrix.sh

# The long runs, with the deployed profile. cargo reads functions/.cargo/config.toml only in that folder.
prove: export MILLRACE_FUNCTIONS = $(TARGET)/deployed/release
prove: export MILLRACE_CELL = $(CELL)
prove: ## the million-event runs, the update from earlier releases, and the fault matrix (docs/FAULTS.md), with the deployed profile; CELL=ROW/COLUMN/SOURCE runs cells of it
	scripts/setup.sh
	cd functions && cargo build --release --target-dir "$(TARGET)/deployed" $(FUNCTIONS:%=-p %)
	cargo test --release -p tests --test prove -- --nocapture --test-threads=1 $(if $(CELL),faults::)

# The sink, and the program that starts all others and counts, are built as `make test` does. They are not measured.
compare: export MILLRACE_FUNCTIONS = $(TARGET)/deployed/release
compare: ## CPU time of s3-ingest, of the limit of its libraries, and of other programs, in one run (docs/PERFORMANCE.md)
	scripts/setup-nasm.sh
	scripts/moto/moto.sh build
	scripts/compare/compare.sh build
	cd functions && cargo build --release --target-dir "$(TARGET)/deployed" -p s3-ingest
	cd functions && cargo build --release --target-dir "$(TARGET)/deployed" -p pipeline --bench limit --bench parse
	cargo test -p tests --test compare -- --nocapture

build: ## the artifacts for `sam deploy` (arm64; `make build ARCHITECTURE=x86_64` for the other)
	scripts/setup-sam.sh
	[ "$(ARCHITECTURE)" != x86_64 ] || scripts/setup-nasm.sh
	cargo fetch --locked # SAM's cargo would change a Cargo.lock that does not match
	PATH="$(SAM):$$PATH" sam build --parameter-overrides Architecture=$(or $(ARCHITECTURE),arm64)

release: ## a release in target/dist/VERSION, for the buckets BUCKET_PREFIX-REGION (docs/RELEASE.md): make release VERSION=0.3.0 BUCKET_PREFIX=acme
	scripts/release/release.sh "$(VERSION)" "$(BUCKET_PREFIX)"

reproducible: ## FUNCTION (firehose-transform) for ARCHITECTURE (arm64) built twice, in other folders: are the bytes equal?
	scripts/release/reproducible.sh $(or $(FUNCTION),firehose-transform) $(or $(ARCHITECTURE),arm64)

clean: ## remove the build; installed components stay (rm -rf .cache)
	-scripts/docker.sh stop
	cargo clean
	rm -rf .aws-sam
