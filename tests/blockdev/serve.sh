#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# karat-blk against real clients: serve.sh PLUGIN BENCH [KILLS]. Exit 77 = skipped, with the reason.
# KILLS: how often the server is killed under load, 5 without.
set -euo pipefail
plugin=$1 bench=$2 kills=${3:-5}

for tool in nbdkit nbdinfo nbdcopy qemu-img qemu-storage-daemon mke2fs cmp; do
    PATH=$PATH:/sbin:/usr/sbin command -v "$tool" > /dev/null ||
        { echo "SKIPPED: $tool is not installed"; exit 77; }
done
export PATH=$PATH:/sbin:/usr/sbin

work=$(mktemp -d)
server="" holders=()
stop() { if [ -n "$server" ]; then kill -9 "$server" 2> /dev/null || true; wait "$server" 2> /dev/null || true; fi; server=; }
release() { [ ${#holders[@]} -eq 0 ] || { kill "${holders[@]}" 2> /dev/null; wait "${holders[@]}" 2> /dev/null; } || true; holders=(); }
end() { touch "$work/enough"; stop; release; wait; rm -rf "$work"; }
trap end EXIT
die() { echo "FAILED: $*"; exit 1; }
start() {
    rm -f "$work/sock"
    nbdkit --foreground --pidfile "$work/pid" --unix "$work/sock" "$plugin" store="$work/store" memory=16M "$@" 2>> "$work/log" &
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

stop
with_cache=(cache="$work/cache" cache-size=8G keep-free=0 trace-seconds=0)
start "${with_cache[@]}"

echo "== the same through the host cache, cold, warm and as a raw file"
for _ in cold warm; do
    for v in v1 v2; do
        qemu-img compare -f raw -F raw "$work/$v.raw" "$(uri $v)" || die "$v differs"
    done
done
for _ in $(seq 200); do [ -f "$work/cache/v1.raw" ] && break; sleep 0.1; done
cmp "$work/v1.raw" "$work/cache/v1.raw" || die "the cached file differs"
[ "$(stat -c '%b' "$work/cache/v1.raw")" -le $((($(stat -c '%b' "$work/v1.raw")) + 2048)) ] ||
    die "the cached file has lost its holes"

echo "== what QEMU has open is not evicted, other files are"
stop
qemu-storage-daemon --pidfile "$work/holder.pid" --blockdev \
    "driver=file,node-name=f,filename=$work/cache/v1.raw,read-only=on" \
    --nbd-server "addr.type=unix,addr.path=$work/holder.sock" --export type=nbd,id=x,node-name=f &
holders=($!)
for _ in $(seq 100); do [ -S "$work/holder.sock" ] && break; sleep 0.05; done
start cache="$work/cache" cache-size=1M
[ -f "$work/cache/v1.raw" ] || die "a file in use was evicted"
if [ -e "$work/cache/v2.part" ] || [ -e "$work/cache/v2.raw" ]; then die "nothing was evicted"; fi
release
stop
start "${with_cache[@]}"

echo "== 100 exports at once"
for i in $(seq 100); do "$bench" import "$work/store" "many-$i" "$work/v2.raw" > /dev/null; done
# Four that hold them, since a process may have so many connections and no more.
for first in 1 26 51 76; do
    nodes=()
    for i in $(seq "$first" $((first + 24))); do
        nodes+=(--blockdev "driver=nbd,node-name=n$i,server.type=unix,server.path=$work/sock,export=many-$i,read-only=on")
    done
    qemu-storage-daemon "${nodes[@]}" --nbd-server "addr.type=unix,addr.path=$work/holder-$first.sock" &
    holders+=($!)
done
for i in $(seq 100); do
    qemu-img bench -f raw -c 50 -d 8 -s 65536 "$(uri "many-$i")" > /dev/null || die "an export of a hundred"
done
memory=$(awk '$1 == "VmRSS:" {print $2}' "/proc/$server/status")
echo "$((memory / 1024)) MiB of memory with 100 exports open and read"
[ "$memory" -lt $((200 * 1024)) ] || die "too much memory"
release

echo "== killed $kills times under load, clients reconnect and see no error"
load() { # reads without end, compared with the truth: exit 0 only if every byte was right
    while [ ! -e "$work/enough" ]; do
        qemu-img compare --image-opts "driver=raw,file.driver=file,file.filename=$work/v1.raw" \
            "driver=nbd,server.type=unix,server.path=$work/sock,export=v1,reconnect-delay=60,open-timeout=60,read-only=on"
    done
}
load > "$work/compared" 2>&1 & client=$!
for _ in $(seq "$kills"); do
    sleep 0.3; stop; start "${with_cache[@]}"
    kill -0 "$client" 2> /dev/null || break
done
touch "$work/enough"
wait "$client" || { cat "$work/compared"; die "the client saw an error"; }
echo "compared $(grep -c identical "$work/compared") times, $kills kills, no error"
echo "passed"
