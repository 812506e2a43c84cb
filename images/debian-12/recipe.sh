# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: Apache-2.0
# debian-12: Debian with systemd and cloud-init, as in Debian's own cloud images; sourced by ../build.

boot_mib=128
root_mib=1918
kernel_options="root=LABEL=root ro console=tty0 console=ttyS0,115200n8"
host_needs=("mmdebstrap:mmdebstrap")

suite=bookworm
packages=(
    linux-image-cloud-amd64 initramfs-tools zstd
    systemd systemd-sysv systemd-resolved systemd-timesyncd libpam-systemd libnss-resolve dbus udev
    cloud-init cloud-guest-utils isc-dhcp-client locales netbase     # cloud-init needs the last three
    fdisk gdisk e2fsprogs dosfstools
    openssh-server sudo ca-certificates curl qemu-guest-agent
    iproute2 iputils-ping procps less nano
)

make_tree()
{
    local archives=$cache/$suite include
    mkdir -p "$archives"
    include=$(IFS=, && echo "${packages[*]}")

    say "installing packages"
    debian_sources >"$work/sources.list"
    use_apt_proxy
    # With SOURCE_DATE_EPOCH set, Python's compiled modules are checked against their whole sources
    # at every import, which costs the first boot a good while.
    env --unset=SOURCE_DATE_EPOCH mmdebstrap --mode=root --format=directory --variant=minbase \
        --include="$include" --skip=essential/unlink \
        --setup-hook="mkdir -p \"\$1/var/cache/apt/archives\"" \
        --setup-hook="cp -a '$archives/.' \"\$1/var/cache/apt/archives\"" \
        --essential-hook="cp -rT '$recipe/root' \"\$1\"" \
        --customize-hook="$recipe/finish" \
        --customize-hook="rm -rf '$archives' && cp -a \"\$1/var/cache/apt/archives\" '$archives'" \
        "$suite" "$work/root" "$work/sources.list" 2>"$work/mmdebstrap.log" || {
        tail -n 40 "$work/mmdebstrap.log" >&2
        die "mmdebstrap failed; the end of its messages is above."
    }

    cp "$work"/root/boot/vmlinuz-* "$work/vmlinuz"
    cp "$work"/root/boot/initrd.img-* "$work/initrd"
}

# debian_sources prints the release's archives as the host's apt knows them, mirror and all.
debian_sources()
{
    # shellcheck disable=SC2016 # apt fills these in
    apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' \
        'Created-By: Packages' 'Origin: Debian' |
        awk -v suite="$suite" '$2 ~ "^" suite "(-updates|-security)?$" && $3 == "main" {
            print "deb", $1, $2, $3
        }' | sort -u | grep . ||
        die "The host's apt knows no archive of Debian $suite (is 'apt-get update' needed?)"
}

# mmdebstrap keeps apt away from the host's settings; the way out of the house it must know.
use_apt_proxy()
{
    local proxy=
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [ -z "$proxy" ] || export http_proxy=$proxy
}
