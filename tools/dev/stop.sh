#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev stop: ends the service that ./dev demo left running, its guests and their helpers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tools/dev/common.sh
source tools/dev/service.sh
data=$PWD/build/data
[ "${1:-}" = --data ] && data=$2
stop_service "$data"
