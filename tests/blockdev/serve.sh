#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# karat-blk against real clients: serve.sh PLUGIN BENCH. Exit 77 = skipped, with the reason.
set -euo pipefail
plugin=$1 bench=$2

for tool in nbdkit nbdinfo nbdcopy qemu-img mke2fs cmp; do
    PATH=$PATH:/sbin:/usr/sbin command -v "$tool" > /dev/null ||
        { echo "SKIPPED: $tool is not installed"; exit 77; }
done
export PATH=$PATH:/sbin:/usr/sbin

work=$(mktemp -d)
server=
stop() { if [ -n "$server" ]; then kill -9 "$server" 2> /dev/null || true; wait "$server" 2> /dev/null || true; fi; server=; }
trap 'stop; rm -rf "$work"' EXIT
die() { echo "FAILED: $*"; exit 1; }
start() {
    rm -f "$work/sock"
    nbdkit --foreground --unix "$work/sock" "$plugin" store="$work/store" cache=16M 2>> "$work/log" &
    server=$!
    for _ in $(seq 100); do [ -S "$work/sock" ] && return; sleep 0.05; done
    cat "$work/log"; die "nbdkit did not start"
}
uri() { echo "nbd+unix:///$1?socket=$work/sock"; }

# A file system with files in it, holes, and a seed of noise.
mkdir "$work/tree" && cp -r /usr/include/linux /usr/include/c++ "$work/tree/"
head -c 20000000 /dev/urandom > "$work/tree/noise"
truncate -s 300M "$work/v1.raw"
mke2fs -q -t ext4 -d "$work/tree" "$work/v1.raw"
cp --sparse=always "$work/v1.raw" "$work/v2.raw"
head -c 100000 /dev/urandom | dd of="$work/v2.raw" bs=1 seek=1000000 conv=notrunc status=none

"$bench" import "$work/store" v1 "$work/v1.raw"
start
"$bench" import "$work/store" v2 "$work/v2.raw" # appears while the server runs

echo "== bytes are equal"
for v in v1 v2; do
    qemu-img compare -f raw -F raw "$work/$v.raw" "$(uri $v)" || die "$v differs"
    nbdcopy "$(uri $v)" "$work/out.raw"
    cmp "$work/$v.raw" "$work/out.raw" || die "$v differs through nbdcopy"
    rm "$work/out.raw"
done

echo "== facts"
nbdinfo --size "$(uri v1)" | grep -qx 314572800 || die "size"
nbdinfo --can multi-conn "$(uri v1)" || die "multi-conn"
nbdinfo --is readonly "$(uri v1)" || die "read-only"
nbdinfo --list "nbd+unix:///?socket=$work/sock" | grep -q 'export="v2"' || die "list of exports"
nbdinfo "$(uri none)" 2> "$work/err" && die "an unknown export opened"
grep -q "not in the store" "$work/log" || die "no clear word about the unknown export"

echo "== the map has no data where the file has none"
data=$(nbdinfo --map --totals "$(uri v1)" | awk '$4 == "data" || $3 == 0 {sum += $1} END {print sum}')
real=$(stat -c '%b * 512' "$work/v1.raw"); real=$((real))
[ "$data" -le $((real + 1048576)) ] || die "map says $data bytes of data, the file has $real"

echo "== 100 exports at once"
for i in $(seq 100); do "$bench" import "$work/store" "many-$i" "$work/v2.raw" > /dev/null; done
for i in $(seq 100); do nbdinfo --size "$(uri many-$i)" > /dev/null & pids+=($!); done
for pid in "${pids[@]}"; do wait "$pid" || die "an export of a hundred"; done

echo "== killed under load, clients reconnect"
qemu-img bench -c 200000 -d 16 -s 4096 -S 36864 \
    --image-opts "driver=nbd,server.type=unix,server.path=$work/sock,export=v1,reconnect-delay=30,read-only=on" \
    > "$work/bench" 2>&1 & client=$!
for _ in 1 2 3 4 5; do sleep 0.3; stop; start; done
wait "$client" || { cat "$work/bench"; die "the client saw an error"; }
echo "passed"
