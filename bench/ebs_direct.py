#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""B16: blocks through EBS direct. `ebs_direct.py [--mib 512] [--rounds 5]`. 64 workers put blocks of /usr that the store
does not have, put them again into another snapshot, and read them back, first after a restart; the client is
bench/signed_load.cpp with requests signed beforehand, as newer boto3 signs them: UNSIGNED-PAYLOAD and x-amz-Checksum. Then
the first page of what changed between two snapshots of 1 TiB."""
import argparse
import base64
import hashlib
import json
import os
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/aws"))
from karat_daemon import RELEASE, Daemon  # noqa: E402

import botocore.auth  # noqa: E402
import botocore.awsrequest  # noqa: E402
import botocore.credentials  # noqa: E402

BLOCK = 512 << 10
WORKERS = 64


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def make_data(path, size):
    """A stretch of an archive of /usr: programs, libraries and texts, as disks hold them."""
    with open(path, "wb") as out:
        tar = subprocess.Popen(["tar", "-C", "/usr", "--sort=name", "-cf", "-", "."], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
        while out.tell() < size:
            part = tar.stdout.read(min(1 << 20, size - out.tell()))
            if not part:
                sys.exit("/usr has less than that; take a smaller --mib")
            out.write(part)
        tar.kill()
        tar.wait()


class Plan:
    """Requests for signed_load, signed now."""

    def __init__(self, daemon, keys):
        self.endpoint = daemon.endpoint
        self.credentials = botocore.credentials.Credentials(*keys)
        self.parts = []

    def add(self, method, path, headers, body=0, offset=0, expected=0):
        request = botocore.awsrequest.AWSRequest(method, self.endpoint + path, headers=headers)
        if body:
            request.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"
        botocore.auth.SigV4Auth(self.credentials, "ebs", "us-east-1").add_auth(request)
        lines = [f"{method} {path} HTTP/1.1", "Host: " + self.endpoint.removeprefix("http://"),
                 f"Content-Length: {body}", *(f"{name}: {value}" for name, value in request.headers.items())]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode()
        self.parts.append(struct.pack("<IIQI", len(head), body, offset, expected) + head)

    def send(self, daemon, folder):
        path = f"{folder}/plan"
        pathlib.Path(path).write_bytes(b"".join(self.parts))
        before = cpu_seconds(daemon.process.pid)
        port = self.endpoint.rsplit(":", 1)[1]
        done = subprocess.run([RELEASE / "signed_load", "send", path, f"{folder}/data", str(WORKERS), port],
                              check=True, capture_output=True, text=True)
        took = json.loads(done.stdout)
        assert took["refused"] == 0
        took["server_cpu"] = cpu_seconds(daemon.process.pid) - before
        return took


def put_all(daemon, keys, ebs, folder, sums, first=0):
    """Puts blocks [first, first + n) of the data as a snapshot; answers what it took and the snapshot."""
    snapshot = ebs.start_snapshot(VolumeSize=4)["SnapshotId"]
    plan = Plan(daemon, keys)
    for i, digest in enumerate(sums):
        plan.add("PUT", f"/snapshots/{snapshot}/blocks/{i}", {
            "x-amz-Data-Length": str(BLOCK), "x-amz-Checksum": base64.b64encode(digest).decode(),
            "x-amz-Checksum-Algorithm": "SHA256"}, body=BLOCK, offset=(first + i) * BLOCK)
    took = plan.send(daemon, folder)
    ebs.complete_snapshot(SnapshotId=snapshot, ChangedBlocksCount=len(sums), ChecksumAlgorithm="SHA256",
                          ChecksumAggregationMethod="LINEAR",
                          Checksum=base64.b64encode(hashlib.sha256(b"".join(sums)).digest()).decode())
    daemon.client(keys).get_waiter("snapshot_completed").wait(
        SnapshotIds=[snapshot], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    return took, snapshot


def get_all(daemon, keys, ebs, folder, snapshot, first=0):
    plan = Plan(daemon, keys)
    token = {}
    while True:
        page = ebs.list_snapshot_blocks(SnapshotId=snapshot, MaxResults=10000, **token)
        for block in page["Blocks"]:
            query = urllib.parse.urlencode({"blockToken": block["BlockToken"]})
            index = block["BlockIndex"]
            plan.add("GET", f"/snapshots/{snapshot}/blocks/{index}?{query}", {},
                     offset=(first + index) * BLOCK, expected=BLOCK)
        if "NextToken" not in page:
            return plan.send(daemon, folder)
        token = {"NextToken": page["NextToken"]}


def show(what, results, bar, limit):
    rates = sorted(one["rate"] for one in results)
    p99 = statistics.median(one["p99_ms"] for one in results)
    blocks = sum(one["rate"] * one["seconds"] for one in results)
    cpu = [1000 * sum(one[key] for one in results) / blocks for key in ("server_cpu", "cpu")]
    row(what, f"{rates[len(rates) // 2]:,} ({rates[0]:,} to {rates[-1]:,})", f"{p99:.0f} ms", f"{cpu[0]:.2f} + {cpu[1]:.2f} ms",
        f"{limit:,}", f"{bar:,}")


def changed_lists(daemon, keys, ebs):
    """Two snapshots of 1 TiB with a block in every page of the map, a hundred of them changed."""
    data = os.urandom(BLOCK)
    sums = dict(DataLength=BLOCK, Checksum=base64.b64encode(hashlib.sha256(data).digest()).decode(),
                ChecksumAlgorithm="SHA256", BlockData=data)

    def make(blocks, **over):
        snapshot = ebs.start_snapshot(VolumeSize=1024, **over)["SnapshotId"]
        for index in blocks:
            ebs.put_snapshot_block(SnapshotId=snapshot, BlockIndex=index, **sums)
        ebs.complete_snapshot(SnapshotId=snapshot, ChangedBlocksCount=len(blocks))
        daemon.client(keys).get_waiter("snapshot_completed").wait(
            SnapshotIds=[snapshot], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        return snapshot

    first = make([page * 1024 + 1 for page in range(0, 2048)])
    second = make([page * 1024 + 2 for page in range(0, 2048, 20)], ParentSnapshotId=first)
    took = []
    for _ in range(30):
        began = time.perf_counter()
        page = ebs.list_changed_blocks(FirstSnapshotId=first, SecondSnapshotId=second)
        took.append((time.perf_counter() - began) * 1000)
        assert page["ChangedBlocks"][0]["BlockIndex"] == 2
    print(f"first page of changed blocks of a 1 TiB pair, over boto3: first {took[0]:.1f} ms, then median "
          f"{statistics.median(took[1:]):.1f} ms of 29 ({len(page['ChangedBlocks'])} blocks); bar 20 ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    count = arguments.mib * 2
    with tempfile.TemporaryDirectory(prefix="karat-ebs-", dir=os.environ.get("TMPDIR")) as folder:
        make_data(f"{folder}/data", count * BLOCK)
        data = pathlib.Path(f"{folder}/data").read_bytes()
        sums = [hashlib.sha256(data[i * BLOCK:(i + 1) * BLOCK]).digest() for i in range(count)]
        del data
        limits = json.loads(subprocess.run([RELEASE / "signed_load", "limits", f"{folder}/data"], check=True,
                                           capture_output=True, text=True).stdout)
        results = {"fresh": [], "known": [], "cold": [], "warm": []}
        for _ in range(arguments.rounds):
            daemon = Daemon()
            try:
                keys = daemon.keys("demo")
                ebs = daemon.client(keys, service="ebs")
                took, snapshot = put_all(daemon, keys, ebs, folder, sums)
                results["fresh"].append(took)
                results["known"].append(put_all(daemon, keys, ebs, folder, sums)[0])
                daemon.restart()
                ebs = daemon.client(keys, service="ebs")
                results["cold"].append(get_all(daemon, keys, ebs, folder, snapshot))
                results["warm"].append(get_all(daemon, keys, ebs, folder, snapshot))
            finally:
                daemon.stop()
        row("B16", "blocks/s, median (range)", "p99", "CPU a block: server + client", "SHA-256 (and zstd) alone", "bar")
        row("---", "---", "---", "---", "---", "---")
        show("Put, fresh", results["fresh"], 400, limits["sha256_and_zstd"])
        show("Put, known", results["known"], 900, limits["sha256"])
        show("Get, first after a restart", results["cold"], 1500, limits["sha256"])
        show("Get, again", results["warm"], 1500, limits["sha256"])
        daemon = Daemon()
        try:
            keys = daemon.keys("demo")
            changed_lists(daemon, keys, daemon.client(keys, service="ebs"))
        finally:
            daemon.stop()


main()
