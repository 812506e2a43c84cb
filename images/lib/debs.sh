# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
# Debian packages as the host's apt finds and verifies them; sourced by ../build.

# unpack_debs DIR PACKAGE... puts the packages' files below DIR, running none of their scripts.
# Downloads stay in the cache; apt fetches a file again only if it is absent or damaged.
unpack_debs()
{
    local dir=$1 debs=$cache/debs files file
    shift
    mkdir -p "$debs" "$dir"
    # Asked in an empty folder, since apt names only the files it would still have to fetch.
    files=$(cd "$(mktemp -d -p "$work")" && apt-get -qq download --print-uris "$@") ||
        die "apt does not know all of: $* (is 'apt-get update' needed?)"
    files=$(awk '{print $2}' <<<"$files")
    (
        cd "$debs" && exec 9>.lock && flock 9 &&
            apt-get -qq -o APT::Sandbox::User=root download "$@" >&2
    ) || die "apt could not fetch all of: $*"
    for file in $files; do
        dpkg-deb --extract "$debs/$file" "$dir"
    done
    for file in $files; do
        package_status "$debs/$file"
    done >>"$dir.status"
}

# package_status FILE.deb prints the paragraph dpkg would keep for the package once installed,
# so that an inspection of the image finds what it is made of.
package_status()
{
    dpkg-deb --field "$1" | sed '1a Status: install ok installed'
    echo
}

# cloud_kernel_package names the package behind Debian's newest kernel for virtual machines.
cloud_kernel_package()
{
    apt-cache depends linux-image-cloud-amd64 | awk '$1 == "Depends:" {print $2; exit}' | grep . ||
        die "apt does not know linux-image-cloud-amd64 (is 'apt-get update' needed?)"
}

# copy_program STAGE ROOT PATH copies a program out of unpacked packages with the libraries it
# loads. STAGE's own loader resolves them, so nothing of the host gets in.
copy_program()
{
    local stage=$1 root=$2 program=$3 libraries library
    local dirs=$stage/lib/x86_64-linux-gnu:$stage/usr/lib/x86_64-linux-gnu
    libraries=$("$stage/lib64/ld-linux-x86-64.so.2" --library-path "$dirs" --list \
        "$stage/$program") || die "$program: $libraries"
    install -D "$stage/$program" "$root/$program"
    while read -r library; do
        [[ $library == "$stage"/* ]] || die "$program needs $library, which no listed package has."
        install -D -m 644 "$library" "$root/usr/lib/x86_64-linux-gnu/$(basename "$library")"
    done < <(awk '$2 == "=>" {print $3}' <<<"$libraries")
}
