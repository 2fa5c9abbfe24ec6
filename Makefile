# SPDX-License-Identifier: Apache-2.0
# Two commands do everything on a fresh Debian 12: `make run` and `make test`.
DURATION ?= 0
MINUTES ?= 0

.PHONY: help run build test test-tsan soak fuzz fresh lint format bench compare clean
help:  ## show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 18

run: build  ## switch between two containers and watch; Ctrl-C or DURATION=10 (seconds) ends it
	@scripts/setup run && scripts/demo --duration $(DURATION)

build:  ## install what is missing and build the programs in build/release
	@WEFT_TARGET=programs scripts/build release

test:  ## install what is missing, build, run every test
	@scripts/test release

test-tsan:  ## the thread sanitizer on all that needs no EAL: unit tests, plugins, cases, fuzz replays
	@scripts/test tsan --label-exclude 'e2e|sdk' --exclude-regex '^(nodes_nic_eal|docs\.|compile_fail\.)'

soak:  ## every bad day in full (or ROWS="killed hostile"), then MINUTES=60 of them at random; writes docs/score-card.md
	@scripts/setup build run test && scripts/build release && tests/soak/soak.py --minutes $(MINUTES) --card docs/score-card.md $(ROWS)

fuzz:  ## each fuzz target for MINUTES=1, two at a time; finds go into tests/fuzz/corpus
	@scripts/fuzz --minutes $(if $(filter-out 0,$(MINUTES)),$(MINUTES),1)

fresh:  ## as root: the tutorial, word by word, on a bare Debian that has the installation alone
	@scripts/setup build run fresh && scripts/build release && tests/sdk/fresh_machine.py

lint:  ## formatting, include directions, headers alone, clang-tidy
	@scripts/lint

format:  ## rewrite the C++ files in the project's format
	@scripts/setup lint && git ls-files -co --exclude-standard '*.cc' '*.h' | xargs clang-format -i

bench:  ## ticks of each piece, one benchmark program after the other (BENCH=REGEX)
	@scripts/bench $(BENCH)

compare:  ## weft beside OVS-DPDK, testpmd and the Linux bridge, in one run (COMPARE=--help)
	@scripts/build release && scripts/setup compare && bench/compare/compare.py $(COMPARE)

clean:  ## remove what was built
	@rm -rf build .cache
