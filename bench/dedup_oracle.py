#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Does the time of PutSnapshotBlock tell what another account has stored? `dedup_oracle.py [--pairs 1000]`. One account
stores blocks; another puts each of them and a new one, in random order, over one connection. Prints the medians and
the AUC: the share of pairs of one known and one new put in which the known one was faster, 0.5 when time tells nothing."""
import argparse
import base64
import hashlib
import pathlib
import random
import statistics
import sys
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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=1000)
    options = parser.parse_args()
    chance = random.Random(1)
    daemon = Daemon()
    try:
        theirs, mine = (daemon.client(daemon.keys(name), service="ebs") for name in ("theirs", "mine"))
        snapshots = [client.start_snapshot(VolumeSize=64)["SnapshotId"] for client in (theirs, mine, mine)]
        took = {"known": [], "new": []}
        for index in range(options.pairs):
            known, new = block(chance), block(chance)
            put(theirs, snapshots[0], index, known)
            turns = [("known", known, snapshots[1]), ("new", new, snapshots[2])]
            chance.shuffle(turns)
            for kind, data, snapshot in turns:
                took[kind].append(put(mine, snapshot, index, data))
        for kind, times in took.items():
            print(f"{kind}: median {statistics.median(times):.2f} ms of {len(times)}")
        print(f"AUC: {auc(took['known'], took['new']):.3f}")
    finally:
        daemon.stop()


main()
