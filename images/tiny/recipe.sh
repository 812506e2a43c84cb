# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: Apache-2.0
# tiny: Debian's cloud kernel, busybox and dropbear; sourced by ../build.

boot_mib=48
root_mib=207
kernel_options="root=LABEL=root ro console=tty0 console=ttyS0,115200n8 quiet"
host_needs=("busybox-static:busybox")

# Where each program of the root file system comes from, and the packages its libraries are in.
packages=(
    busybox-static
    dropbear-bin libtomcrypt1 libtommath1 libgmp10 libcrypt1 zlib1g
    openssh-client openssh-sftp-server
    e2fsprogs libext2fs2 libcom-err2
    fdisk util-linux libfdisk1 libsmartcols1 libblkid1 libuuid1 libreadline8 libtinfo6
    libc6
)
programs=(
    usr/sbin/dropbear usr/bin/dropbearkey       # ssh
    usr/bin/scp usr/lib/openssh/sftp-server     # file upload, as Packer does it
    sbin/sfdisk usr/bin/partx sbin/resize2fs    # growth to the size of the volume
)

# What finds the root disk, and what the root file system loads besides.
initrd_modules=(virtio_pci virtio_blk)
root_modules=(virtio_net button evdev)

make_tree()
{
    say "fetching packages"
    local kernel
    kernel=$(cloud_kernel_package)
    unpack_debs "$work/stage" "$kernel" "${packages[@]}"
    release=${kernel#linux-image-}
    cp "$work/stage/boot/vmlinuz-$release" "$work/vmlinuz"

    say "making the root file system"
    # No shell here, no helper there: the modules' dependencies are what depmod says.
    busybox depmod -b "$work/stage" "$release"
    make_root "$work/stage" "$work/root"
    say "making the initramfs"
    make_initrd "$work/stage" "$work/initramfs"
}

make_root()
{
    local stage=$1 root=$2 program
    make_skeleton "$root"
    install "$stage/bin/busybox" "$root/usr/bin/busybox"
    link_applets "$root"
    for program in "${programs[@]}"; do
        copy_program "$stage" "$root" "$program"
    done
    install -D "$stage/lib64/ld-linux-x86-64.so.2" "$root/usr/lib64/ld-linux-x86-64.so.2"
    ln -s openssh/sftp-server "$root/usr/lib/sftp-server" # where dropbear looks
    copy_modules "$stage" "$root" "${root_modules[@]}"

    cp -rT "$recipe/root" "$root"
    chmod 640 "$root/etc/shadow"
    ln -s /run/karat/resolv.conf "$root/etc/resolv.conf"
    install -D -m 644 "$stage.status" "$root/var/lib/dpkg/status"
}

# make_skeleton ROOT lays out an empty merged-/usr tree.
make_skeleton()
{
    local root=$1 dir
    mkdir -p "$root"/{boot,dev,etc/{dropbear,rc.d},mnt,proc,root,run,srv,sys,tmp} \
        "$root"/usr/{bin,sbin,lib,lib64} "$root"/var/{lib/karat,log,tmp}
    for dir in bin sbin lib lib64; do
        ln -s "usr/$dir" "$root/$dir"
    done
    ln -s ../run "$root/var/run"
    chmod 700 "$root/root" "$root/var/lib/karat"
    chmod 1777 "$root/tmp" "$root/var/tmp"
}

# link_applets ROOT makes busybox's commands, in /usr/sbin where busybox says so.
link_applets()
{
    local root=$1 applet
    while read -r applet; do
        [[ $applet == *sbin/* ]] && applet=usr/sbin/${applet##*/} || applet=usr/bin/${applet##*/}
        [ "$applet" = usr/bin/busybox ] || ln -sf /usr/bin/busybox "$root/$applet"
    done < <("$root/usr/bin/busybox" --list-full)
}

# copy_modules STAGE ROOT MODULE... copies modules and all they depend on, with modprobe's index.
copy_modules()
{
    local stage=$1/lib/modules/$release root=$2/usr/lib/modules/$release module file
    shift 2
    mkdir -p "$root"
    for module in "$@"; do
        grep "/$module\.ko:" "$stage/modules.dep" || die "The kernel has no module $module."
    done >"$root/wanted"
    for file in $(tr -d : <"$root/wanted"); do
        install -D -m 644 "$stage/$file" "$root/$file"
        grep "^$file:" "$stage/modules.dep" >>"$root/modules.dep"
    done
    sort -u -o "$root/modules.dep" "$root/modules.dep"
    rm "$root/wanted"
}

make_initrd()
{
    local stage=$1 tree=$2
    mkdir -p "$tree"/{bin,dev,newroot,proc,sys,usr/lib}
    ln -s usr/lib "$tree/lib"
    install "$stage/bin/busybox" "$tree/bin/busybox"
    ln -s busybox "$tree/bin/sh"
    copy_modules "$stage" "$tree" "${initrd_modules[@]}"
    install "$recipe/initramfs.sh" "$tree/init"
    find "$tree" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    (cd "$tree" && find . | sort | busybox cpio -o -H newc --renumber-inodes --ignore-devno 2>/dev/null) \
        >"$work/initrd"
}
