#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev lint [FILE...]: what clang sees and g++ does not: members that are touched without their mutex
# (-Wthread-safety), and the checks of .clang-tidy. All sources but the tests, or those named. No
# build: a file costs some seconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tools/dev/common.sh

setup_packages build lint
build lint wire_generated
[ $# -gt 0 ] || mapfile -t files < <(git ls-files 'src/*.cpp' | grep -v '_test\.cpp$')
[ $# -eq 0 ] || files=("$@")
printf '%s\n' "${files[@]}" |
    xargs -P "$(nproc)" -n 4 clang-tidy-19 -p build/lint --quiet 2> >(grep -vE '^[0-9]+ warnings?|Processing file' >&2) ||
    die "clang found something; each line above names its check"
say "lint: ${#files[@]} files, nothing found"
