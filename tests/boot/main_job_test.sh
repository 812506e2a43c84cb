#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# README.md as a reader follows it: the quick start, which is the whole main job with `tiny`, the programs
# as they ship and the real aws command line; a look that nothing was left behind; and what the page
# tells to type then. Uses a daemon, a data directory and a port of its own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tools/dev/common.sh
source tools/dev/service.sh
source tools/dev/main_job.sh

for program in aws jq qemu-system-x86_64 nbdkit mmdebstrap; do
    command -v "$program" >/dev/null || { say "SKIPPED: $program is not installed"; exit 77; }
done

data=$(mktemp -d "${TMPDIR:-/tmp}/karat-boot.XXXXXX")
finish() {
    local code=$?
    stop_service "$data"
    [ "$code" -eq 0 ] || { say "--- the daemon's last lines"; tail -40 "$data/karatd.log" >&2; }
    rm -rf "$data"
}
trap finish EXIT

nothing_left() {
    [ -z "$(ls "$data/volumes")" ] || { ls -R "$data/volumes"; return 1; }
    [ -z "$(pgrep -f -- "$data/(run/machines|volumes)" || true)" ] || { pgrep -af -- "$data/(run/machines|volumes)"; return 1; }
}

# Secrets are in many of the files: nobody but the owner may read one, whoever made it.
only_for_the_owner() {
    local open
    open=$(find "$data" ! -type l -perm /o=rw -printf '%M %p\n')
    [ -z "$open" ] || { echo "$open"; return 1; }
}

# The user data and what was made of it stay with the guests.
no_user_data_in_logs() {
    local told
    told=$(grep -rlF --include='*.log' "$page_text" "$data/karatd.log" "$data/run" || true)
    [ -z "$told" ] || { echo "user data is in: $told"; return 1; }
}

all_gone() {
    local running
    running=$(ec2 describe-instances --filters Name=instance-state-name,Values=pending,running \
        --query 'Reservations[].Instances[].InstanceId' --output text)
    # shellcheck disable=SC2086
    [ -z "$running" ] || terminate $running
}

grep -qx '    ./dev demo' README.md || die "README.md has another quick start than this test"
chmod 755 "$data" # as if it were in a directory that everybody may enter
port=$(free_port)
./dev demo --data "$data" --port "$port" --image tiny
endpoint=$(cat "$data/run/endpoint")
# shellcheck disable=SC1091
source "$data/credentials.sh"
step "no machine, overlay or process is left" wait_for 20 nothing_left
step "no file is readable by others" only_for_the_owner
step "what the pages tell to type works" tests/docs/run_pages.py "$data"
step "terminate what the pages launched" all_gone
step "no user data in the logs" no_user_data_in_logs
step "the store is sound" build/release/karat --data "$data" store check
