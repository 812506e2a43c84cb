# Shared by ./dev and its scripts; sourced, with the repository's root as the working directory.
# shellcheck shell=bash

say() { printf '%s\n' "$*" >&2; }
die() { printf 'dev: %s\n' "$*" >&2; exit 1; }

# The packages of packages.txt that carry one of the given marks: build, run, images, test.
packages_for() {
    local mark
    for mark in "$@"; do
        awk -v mark="[$mark]" '!/^#/ && $2 == mark { print $1 }' packages.txt
    done
}

# Installs what is missing, with sudo where that is needed; silent when nothing is.
setup_packages() {
    local missing=() package as_root=()
    for package in $(packages_for "$@"); do
        dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "run this as root, or install sudo; missing packages: ${missing[*]}"
        as_root=(sudo)
    fi
    say "installing ${#missing[@]} Debian packages: ${missing[*]}"
    if [[ " ${missing[*]} " == *" postgresql-"* && ! -e /etc/postgresql-common/createcluster.conf ]]; then
        # Debian would make a cluster and start it; the tests start servers of their own.
        "${as_root[@]}" mkdir -p /etc/postgresql-common
        echo 'create_main_cluster = false' | "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends \
        -o Dpkg::Options::=--force-confold \
        "${missing[@]}" >/dev/null || die "apt-get could not install: ${missing[*]}"
}

# build PRESET [TARGET...]
build() {
    local preset=$1
    shift
    mkdir -p build
    cmake --preset "$preset" >"build/$preset.configure.log" 2>&1 ||
        { tail -20 "build/$preset.configure.log" >&2; die "cmake could not configure the $preset build"; }
    cmake --build --preset "$preset" ${1:+--target "$@"}
}

fast_tests() { ctest --test-dir build/dev -L fast --output-on-failure -j "$(nproc)"; }

# A free TCP port on loopback.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
