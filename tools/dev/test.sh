#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev test: everything that CI checks: the fast tests with sanitizers, then the programs as they
# ship with real clients, real machines, and kills at random points.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tools/dev/common.sh

began=$SECONDS
stage() { say "== $* (at $((SECONDS - began)) s)"; }

stage "packages"
setup_packages build run images test
stage "build with sanitizers"
build dev
stage "build as shipped"
build release
stage "fast tests"
fast_tests
stage "tests with real peers, clients and machines"
KARAT_RELEASE=$PWD/build/release ctest --test-dir build/dev -L slow --output-on-failure -j "$(nproc)"
stage "tests of what only the shipped build has"
ctest --test-dir build/release -L slow --output-on-failure
stage "done"
