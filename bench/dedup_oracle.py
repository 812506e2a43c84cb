#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Does time tell what another account has stored? `dedup_oracle.py [--pairs 1000] [--imports]`. One account stores blocks with
PutSnapshotBlock, or imports disks of one block; another stores each of them and a new one, in random order. Prints the medians and
the AUC: the share of pairs of a known and a new one in which the known one was faster, 0.5 when time tells nothing."""
import argparse
import base64
import hashlib
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/aws"))
from karat_daemon import Daemon  # noqa: E402

BLOCK = 512 << 10


def block(chance):
    """Half a megabyte that compresses to about a half, as other blocks made so do."""
    words = [chance.randbytes(8) for _ in range(256)]
    return b"".join(chance.choice(words) + chance.randbytes(8) for _ in range(BLOCK // 16))


def put(client, snapshot, index, data):
    began = time.perf_counter()
    client.put_snapshot_block(SnapshotId=snapshot, BlockIndex=index, BlockData=data, DataLength=BLOCK,
                              Checksum=base64.b64encode(hashlib.sha256(data).digest()).decode(),
                              ChecksumAlgorithm="SHA256")
    return (time.perf_counter() - began) * 1000


def auc(known, new):
    ranked = sorted([(took, 0) for took in known] + [(took, 1) for took in new])
    ranks = sum(rank for rank, (_, is_new) in enumerate(ranked, 1) if is_new)
    return (ranks - len(new) * (len(new) + 1) / 2) / (len(known) * len(new))


def puts(daemon):
    """A function that puts a block as the account of that name, and another one."""
    clients = {name: daemon.client(daemon.keys(name), service="ebs") for name in ("theirs", "mine")}
    uploads = {kind: [clients[name], clients[name].start_snapshot(VolumeSize=64)["SnapshotId"], 0]
               for kind, name in (("theirs", "theirs"), ("known", "mine"), ("new", "mine"))}

    def store(kind, data):
        client, snapshot, index = uploads[kind]
        uploads[kind][2] += 1
        return put(client, snapshot, index, data)
    return store


def completed(client, name):
    """When the image was seen first, and when it was available, as its owner sees it who asks all the time."""
    began = None
    while True:
        found = client.describe_images(Owners=["self"], Filters=[{"Name": "name", "Values": [name]}])["Images"]
        now = time.perf_counter()
        began = began or (now if found else None)
        if found and found[0]["State"] == "available":
            return (now - began) * 1000


def imports(daemon):
    """The same with the import of a disk that holds the block alone: a capture stores as it does."""
    clients = {name: daemon.client(daemon.keys(name)) for name in ("theirs", "mine")}
    names = iter(range(1 << 30))

    def store(kind, data):
        name, account = f"disk-{next(names)}", "theirs" if kind == "theirs" else "mine"
        with tempfile.NamedTemporaryFile(suffix=".raw") as disk:
            disk.write(data)
            disk.flush()
            words = ["image", "import", disk.name, "--format", "raw", "--name", name, "--account", account]
            with subprocess.Popen([daemon.programs / "karat", "--data", daemon.data, *words],
                                  stdout=subprocess.DEVNULL):
                return completed(clients[account], name)
    return store


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--imports", action="store_true")
    options = parser.parse_args()
    chance = random.Random(1)
    daemon = Daemon()
    try:
        store = imports(daemon) if options.imports else puts(daemon)
        took = {"known": [], "new": []}
        for _ in range(options.pairs):
            known, new = block(chance), block(chance)
            store("theirs", known)
            turns = [("known", known), ("new", new)]
            chance.shuffle(turns)
            for kind, data in turns:
                took[kind].append(store(kind, data))
        for kind, times in took.items():
            print(f"{kind}: median {statistics.median(times):.2f} ms of {len(times)}")
        print(f"AUC: {auc(took['known'], took['new']):.3f}")
    finally:
        daemon.stop()


main()
