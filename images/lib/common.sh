# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
# Progress, errors and the check of the host; sourced by ../build.

say()
{
    printf '[%4ds] %s: %s\n' "$SECONDS" "$name" "$*" >&2
}

die()
{
    printf 'images/build: %s\n' "$*" >&2
    exit 1
}

# check_host PACKAGE:PATH... dies naming every Debian package whose file or command is absent.
check_host()
{
    local need missing=()
    for need in "$@"; do
        command -v "${need#*:}" >/dev/null || [ -e "${need#*:}" ] || missing+=("${need%%:*}")
    done
    [ ${#missing[@]} = 0 ] ||
        die "Missing here: ${missing[*]}. Install with: apt-get install ${missing[*]}"
}
