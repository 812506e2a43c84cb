#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev run: the service alone, in the foreground; Ctrl-C ends it, guests run on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tools/dev/common.sh
data=$PWD/build/data port=4566
while [ $# -gt 0 ]; do
    case "$1" in
    --data) data=$2; shift 2 ;;
    --port) port=$2; shift 2 ;;
    *) die "run takes --data DIR and --port N, not '$1'" ;;
    esac
done
setup_packages build run
build release
exec build/release/karatd --set "data_directory=$data" --set "port=$port"
