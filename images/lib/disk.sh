# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
# Puts a disk together without mounting anything; sourced by ../build.
#
#   0        GPT, syslinux's stub in the first 440 bytes
#   1 MiB    FAT32 "boot": EFI system partition and legacy-BIOS-bootable at once
#            /ldlinux.sys /syslinux.cfg        what a BIOS reads
#            /EFI/BOOT/BOOTX64.EFI /loader/    what UEFI reads (systemd-boot)
#            /vmlinuz /initrd                  what both start
#   ...      ext4 "root"
#   last MiB the second GPT

# shellcheck disable=SC2034 # ../build reads it
disk_needs=(
    "fdisk:sfdisk"
    "dosfstools:mkfs.vfat"
    "mtools:mcopy"
    "e2fsprogs:mke2fs"
    "syslinux:syslinux"
    "syslinux-common:/usr/lib/syslinux/mbr/gptmbr.bin"
    "systemd-boot-efi:/usr/lib/systemd/boot/efi/systemd-bootx64.efi"
)

# Every disk has the same identifiers, as every clone of one image has them anyway: it is the
# label that finds the root, and a rebuilt image differs only where its contents do.
disk_guid=4b415241-5400-4000-8000-000000000000
boot_guid=4b415241-5400-4000-8000-000000000001
root_guid=4b415241-5400-4000-8000-000000000002
boot_serial=4b415254

esp_type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
root_type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709

# make_disk FILE makes the disk from $work/{vmlinuz,initrd,root/}.
make_disk()
{
    local disk=$1
    make_boot_partition "$work/boot.fat"
    make_root_partition "$work/root.ext4"

    say "putting the disk together"
    truncate -s $((1 + boot_mib + root_mib + 1))M "$disk"
    sfdisk --quiet "$disk" <<TABLE
label: gpt
label-id: $disk_guid
start=1MiB, size=${boot_mib}MiB, type=$esp_type, uuid=$boot_guid, name=boot, attrs=LegacyBIOSBootable
size=${root_mib}MiB, type=$root_type, uuid=$root_guid, name=root
TABLE
    copy_into "$disk" 1 "$work/boot.fat"
    copy_into "$disk" $((1 + boot_mib)) "$work/root.ext4"
    dd if=/usr/lib/syslinux/mbr/gptmbr.bin of="$disk" bs=440 count=1 conv=notrunc status=none
}

copy_into()
{
    dd if="$3" of="$1" bs=1M seek="$2" conv=notrunc,sparse status=none
}

make_boot_partition()
{
    local fat=$1 tree=$work/boot
    mkdir -p "$tree/EFI/BOOT" "$tree/loader/entries"
    cp "$work/vmlinuz" "$work/initrd" "$tree"
    cp /usr/lib/systemd/boot/efi/systemd-bootx64.efi "$tree/EFI/BOOT/BOOTX64.EFI"
    cat >"$tree/syslinux.cfg" <<TEXT
SERIAL 0 115200
PROMPT 0
DEFAULT linux
LABEL linux
    LINUX /vmlinuz
    INITRD /initrd
    APPEND $kernel_options
TEXT
    cat >"$tree/loader/loader.conf" <<TEXT
default linux.conf
timeout 0
TEXT
    cat >"$tree/loader/entries/linux.conf" <<TEXT
title Linux
linux /vmlinuz
initrd /initrd
options $kernel_options
TEXT
    find "$tree" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

    truncate -s "${boot_mib}M" "$fat"
    mkfs.vfat --invariant -F 32 -n BOOT -i $boot_serial "$fat" >/dev/null
    mcopy -m -s -i "$fat" "$tree"/* ::/
    syslinux --install "$fat"
}

make_root_partition()
{
    local fs=$1
    find "$work/root" -newermt "@$SOURCE_DATE_EPOCH" \
        -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    truncate -s "${root_mib}M" "$fs"
    # "default" rather than what mke2fs takes for a small disk: this one will grow.
    E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH mke2fs -q -t ext4 -T default -L root -m 1 -U $root_guid \
        -E hash_seed=$root_guid -d "$work/root" "$fs"
    settle_change_times "$fs"
}

# settle_change_times FS sets what no tool can set in a folder, so that building twice gives the
# same bytes.
settle_change_times()
{
    (cd "$work/root" && find . -mindepth 1 -printf '%P\n') |
        awk -v time="@$SOURCE_DATE_EPOCH" '{
            print "set_inode_field \"/" $0 "\" ctime " time
            print "set_inode_field \"/" $0 "\" ctime_extra 0"
        }' >"$work/change-times"
    E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH debugfs -w -f "$work/change-times" "$1" >/dev/null 2>"$work/debugfs.log" ||
        die "debugfs: $(tail -n 1 "$work/debugfs.log")"
}
