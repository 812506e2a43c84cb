#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks the model of the collector exhaustively, then breaks each of its rules in turn: every broken
# one must be found, or the model proves nothing. Seconds.
set -euo pipefail
model=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/collector.pml
command -v spin >/dev/null || { echo "SKIPPED: spin is not installed"; exit 77; }
work=$(mktemp -d "${TMPDIR:-/tmp}/karat-model.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

# search BUG CRASHES: says "errors: N, M states"; fails when the search was cut short.
search() {
    spin -DBUG="$1" -DCRASHES="$2" -a "$model" >/dev/null
    cc -O0 -w -DSAFETY -DCOLLAPSE -DMEMLIM=2000 -o pan pan.c
    ./pan -m100000 >out
    if grep -q "search not completed\|max search depth too small\|out of memory" out &&
        grep -q "errors: 0" out; then
        echo "the search was not exhaustive" >&2
        cat out >&2
        exit 1
    fi
    echo "$(grep -o "errors: [0-9]*" out), $(sed -n 's/ *\([0-9.e+]*\) states, stored.*/\1/p' out) states"
}

for crashes in 0 1; do
    found=$(search 0 $crashes)
    echo "as designed, $crashes crashes: $found"
    case "$found" in "errors: 0,"*) ;; *) exit 1 ;; esac
done
for bug in 1 2 3 4 5 6 7; do
    found=$(search $bug 1)
    echo "rule $bug broken: $found"
    case "$found" in "errors: 0,"*) echo "nobody noticed that rule $bug is broken"; exit 1 ;; esac
done
