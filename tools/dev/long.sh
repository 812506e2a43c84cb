#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev long: what takes too long for every change. Run it before calling an issue resolved.
#   ./dev long [fuzz|http|kills|lives|store|volumes|restarts|debian]...   all of them by default
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tools/dev/common.sh
source tools/dev/service.sh
source tools/dev/main_job.sh

fuzz_seconds=${FUZZ_SECONDS:-600} kills=${KILLS:-200}

# Every libFuzzer target for a while, from its saved corpus; findings stay in build/fuzz.
fuzz() {
    setup_packages build lint
    build fuzz fuzzers
    local target name
    mkdir -p build/findings
    for target in build/fuzz/*_fuzz; do
        name=$(basename "$target" _fuzz)
        mkdir -p "build/findings/$name"
        say "== $name, $fuzz_seconds s"
        "$target" -max_total_time="$fuzz_seconds" -rss_limit_mb=2048 -timeout=20 -print_final_stats=1 \
            -artifact_prefix="build/findings/$name/" "build/findings/$name" "fuzz/corpus/$name" 2>&1 | tail -8
    done
}

# At the three doors, over real sockets, with sanitizers: each allocation and system call of a request fails once;
# random hostile sessions.
http() {
    setup_packages build
    build dev
    KARAT_SWEEP=full build/dev/http_sweep_test
    build/dev/http_flood "${HTTP_SESSIONS:-100000}" "${HTTP_SEED:-$RANDOM}"
}

# Random lives of the whole service, over machines, a disk and a clock in memory.
lives() {
    setup_packages build
    build dev lives_test
    KARAT_SEEDS="1 ${LIVES:-10000}" build/dev/lives_test
}

kills() {
    setup_packages build run images test
    build release
    mkdir -p build/images
    [ -e build/images/tiny.raw ] || images/build tiny build/images/tiny.raw
    tests/crash/kill_test.py "$kills"
    build dev catalog_test
    KARAT_CATALOG_KILLS=${CATALOG_KILLS:-500} build/dev/catalog_test --gtest_filter='SlowKills*'
    tests/blockdev/serve.sh "$PWD/build/release/karat-blk.so" "$PWD/build/release/blocks_bench" "${BLK_KILLS:-100}"
}

# The block store: a million crash states, a hundred thousand injuries, ten thousand kills.
store() {
    setup_packages build
    build release
    local torture=build/release/store_torture
    "$torture" states "${STATES:-1000000}"
    "$torture" corruption "${INJURIES:-100000}"
    "$torture" kills "${STORE_KILLS:-10000}"
    "$torture" allocations 1000000
    "$torture" model 5000
}

# Volumes through their states with real guests: hot plug, growth, kills, chains.
volumes() {
    setup_packages build run images test
    build release
    mkdir -p build/images
    [ -e build/images/tiny.raw ] || images/build tiny build/images/tiny.raw
    for ((i = 0; i < ${VOLUME_RUNS:-10}; i++)); do
        tests/aws/volumes_test.py
    done
    tests/aws/promotion_test.py
}

# A guest through restarts, exchanges, and an upgrade from the commit before (or PREVIOUS).
restarts() {
    setup_packages build run images test
    build release
    local previous=$PWD/build/previous commit=${PREVIOUS:-HEAD~1} programs=()
    if git rev-parse --verify --quiet "$commit^{commit}" >/dev/null; then
        rm -rf "$previous" && git worktree prune
        git worktree add --quiet --detach "$previous" "$commit"
        (cd "$previous" && cmake --preset release >/dev/null &&
            cmake --build --preset release --target karatd karat karat-net karat-blk)
        programs=("$previous/build/release")
    else
        say "SKIPPED the upgrade: there is no commit $commit to begin with"
    fi
    tests/aws/restarts_test.py "${RESTARTS:-50}" "${EXCHANGES:-20}" 2 "${programs[@]}"
    tests/aws/hard_times_test.py "${KILL_TIMES:-10}"
    CONSOLE_MIB=1024 tests/net/guest_frames_test.py
    [ ! -e "$previous" ] || git worktree remove --force "$previous"
}

# The whole main job with debian-12, in a data directory of its own.
debian() {
    setup_packages build run images test
    build release
    data=$(mktemp -d "${TMPDIR:-/tmp}/karat-debian.XXXXXX")
    trap 'stop_service "$data"; rm -rf "$data"' EXIT
    start_service "$data" "$(free_port)"
    user_credentials "$data"
    # shellcheck disable=SC1091
    source "$data/credentials.sh"
    step "build and register debian-12" seed_image "$data" debian-12
    main_job debian-12 t3.small
}

[ $# -gt 0 ] || set -- lives kills http store volumes restarts debian fuzz
for part in "$@"; do
    case "$part" in
    fuzz | http | kills | lives | store | volumes | restarts | debian) "$part" ;;
    *) die "long takes fuzz, http, kills, lives, store, volumes, restarts and debian, not '$part'" ;;
    esac
done
