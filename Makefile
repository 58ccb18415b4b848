# What is run by hand and by CI. Nothing is assumed but a clone and a Rust toolchain: deploy/setup.sh brings the rest.
SHELL := bash
export PATH := $(PATH):$(HOME)/.cargo/bin
.DEFAULT_GOAL := help
.PHONY: help setup run test bench bench-peers fuzz openapi fmt lint openclaw-image image-if-docker clean

help: ## what there is to make
	@sed -n 's/^\([a-z-]*\):.* ## /\1\t/p' Makefile | expand -t 16

setup: ## install what is missing: PostgreSQL, nats-server, a Docker engine
	@deploy/setup.sh

run: setup ## a whole platform on this machine with a demo vendor (more flags: ARGS="...", the bots' image: BOT_IMAGE=...)
	cargo run --release --locked --bin clawplane -- dev --demo $(ARGS)

# One shell command a line, in this order, so that the runner's summary is the last thing printed.
test: ## format, lints and every test
	@deploy/setup.sh --test
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	@$(MAKE) --no-print-directory image-if-docker
	cargo test --workspace --locked --no-fail-fast

bench: ## measure it against nginx on this machine, and count its allocations
	@deploy/setup.sh --bench
	cargo run --release --locked -p clawplane-tests --bin bench
	cargo run --release --locked -p clawplane-tests --bin allocations

bench-peers: ## the same with Portkey and LiteLLM beside it (the first time it fetches 800 MB)
	@deploy/setup.sh --peers
	@$(MAKE) --no-print-directory bench

fuzz: ## feed each parser of foreign bytes with what a fuzzer thinks of, FUZZ_SECONDS=30 each (TARGETS="meter_sse ...")
	@deploy/setup.sh --fuzz
	fuzz/run.sh $(TARGETS)

openapi: ## regenerate openapi/openapi.json from the handlers
	@# through a temporary file: a failed build must not leave an empty document behind
	cargo run --locked --bin clawplane -- openapi >openapi/openapi.json.new || { rm -f openapi/openapi.json.new; exit 1; }
	mv openapi/openapi.json.new openapi/openapi.json

fmt: ## format the code
	cargo fmt --all

lint: ## lints only
	cargo clippy --workspace --all-targets --locked -- -D warnings

openclaw-image: ## the image clawplane/openclaw:2026.9.6 with real OpenClaw, from package mirrors
	@deploy/setup.sh --test
	@deploy/openclaw-image/build.sh

# The tests with a real OpenClaw skip themselves where its image is missing, so this must be seen but not fatal.
image-if-docker:
	@if [ "$$CLAWPLANE_NO_DOCKER" = 1 ] || ! docker version >/dev/null 2>&1; then \
	  echo "*** No Docker engine: tests that need one or the OpenClaw image will be SKIPPED ***" >&2; \
	elif ! deploy/openclaw-image/build.sh; then \
	  echo "*** No OpenClaw image: the tests with a real OpenClaw will be SKIPPED ***" >&2; \
	fi

clean: ## remove what was built (not the data in .clawplane, not the caches)
	cargo clean
