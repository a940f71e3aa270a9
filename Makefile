# SPDX-License-Identifier: Apache-2.0
#
# Each target has one line of help, after "##".

PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 60
BENCH ?=

swift_files := Package.swift Sources Tests $(wildcard Fuzz)
release := .build/release/blkmove
debug := .build/debug/blkmove

bin := $(DESTDIR)$(PREFIX)/bin/blkmove
man := $(DESTDIR)$(PREFIX)/share/man/man1/blkmove.1
bash := $(DESTDIR)$(PREFIX)/share/bash-completion/completions/blkmove
zsh := $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_blkmove
fish := $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/blkmove.fish

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

.PHONY: deps
deps: ## install what building and testing need (Debian packages)
	.ci/install-dependencies

.PHONY: demo
demo: deps ## show what blkmove does, on this machine
	demo/run

.PHONY: build
build: ## build the program as it is installed: .build/release/blkmove
	swift build -c release --product blkmove --static-swift-stdlib -Xlinker -s

# Only for "make install" after "make build", perhaps by another user without the toolchain.
$(release): Package.swift $(shell find Sources -type f)
	$(MAKE) build

# Tests of these rooms wait for processes, and would keep threads that the others need.
machines := ^(LiveTests|QemuTests)\.
skip_slow := --skip EndToEndTests --skip '$(machines)'

.PHONY: test
test: deps lint ## everything that continuous integration runs
	swift build --build-tests
	swift test --skip-build $(skip_slow) --xunit-output .build/rooms.xml
	swift test --skip-build --filter '$(machines)' --xunit-output .build/machines.xml
	swift test --skip-build --filter EndToEndTests --xunit-output .build/end-to-end.xml
	Tests/tools/check-skipped .build/rooms-swift-testing.xml .build/machines-swift-testing.xml \
	  .build/end-to-end-swift-testing.xml
	Fuzz/run 5

.PHONY: check
check: lint ## the quick part of test: format, tidy, and all but the end-to-end tests
	swift build --build-tests
	swift test --skip-build $(skip_slow)
	swift test --skip-build --filter '$(machines)'

.PHONY: lint
lint: ## check the format of the Swift sources
	swift format lint --strict --recursive $(swift_files)

.PHONY: fuzz
fuzz: ## run the fuzz targets for FUZZ_SECONDS (60) each
	Fuzz/run $(FUZZ_SECONDS)

.PHONY: bench
bench: build ## measure beside every peer on this machine; BENCH='--size=small --rounds=2'
	Benchmarks/run $(BENCH)

.PHONY: bench-wan
bench-wan: build ## measure over an emulated wide-area link (needs root); BENCH as above
	Benchmarks/wan $(BENCH)

.PHONY: bench-nights
bench-nights: build ## measure what later nights and broken runs cost; BENCH as above
	Benchmarks/nights $(BENCH)

.PHONY: bench-live
bench-live: build ## measure pauses of running machines (needs root and QEMU); BENCH as above
	Benchmarks/live $(BENCH)

.PHONY: fmt
fmt: ## format the Swift sources
	swift format format --in-place --recursive $(swift_files)

.PHONY: generate
generate: ## make the manual page, the completions and the golden help anew
	swift build --product blkmove
	mkdir -p man completions
	$(debug) --generate=man >man/blkmove.1
	$(debug) --generate=bash >completions/blkmove.bash
	$(debug) --generate=zsh >completions/_blkmove
	$(debug) --generate=fish >completions/blkmove.fish
	$(debug) --generate=help >Tests/CommandTests/Golden/help.txt

.PHONY: install
install: $(release) ## install below PREFIX (/usr/local), in DESTDIR
	install -D -m 755 $(release) $(bin)
	install -D -m 644 man/blkmove.1 $(man)
	install -D -m 644 completions/blkmove.bash $(bash)
	install -D -m 644 completions/_blkmove $(zsh)
	install -D -m 644 completions/blkmove.fish $(fish)

.PHONY: uninstall
uninstall: ## remove what install has put there
	rm -f $(bin) $(man) $(bash) $(zsh) $(fish)

.PHONY: clean
clean: ## remove what was built
	rm -rf .build
