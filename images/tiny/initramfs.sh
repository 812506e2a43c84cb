#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The initramfs: find the root file system and hand over to its /sbin/init.

export PATH=/bin
busybox mount -t devtmpfs dev /dev
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox modprobe -a virtio_pci virtio_blk

root=LABEL=root
# shellcheck disable=SC2013 # words are wanted
for option in $(busybox cat /proc/cmdline); do
    case $option in
    root=*) root=${option#root=} ;;
    esac
done

# A disk may show up a moment after its driver. Disks are searched in the kernel's order, so the
# boot disk wins over an attached copy of itself.
tries=100
device=
while [ -z "$device" ] && [ $tries -gt 0 ]; do
    case $root in
    /dev/*) [ -b "$root" ] && device=$root ;;
    *) device=$(busybox findfs "$root" 2>/dev/null) ;;
    esac
    [ -n "$device" ] || busybox usleep 50000
    tries=$((tries - 1))
done
if ! busybox mount -t ext4 -o ro "${device:-none}" /newroot; then
    echo "karat-tiny: no root file system $root" >/dev/console
    exit 1 # the kernel stops here and says so
fi

for dir in dev proc sys; do
    busybox mount --move /$dir /newroot/$dir
done
exec busybox switch_root /newroot /sbin/init
