#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How calls are answered while a 10 GB import, a collection and 4 captures run, beside an idle daemon: 100 calls a second over
one connection, on both cores, over the catalog of scale.py. `busy.py [--gigabytes N]`; takes 3 N GB of disk for a while."""
import argparse
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import scale  # noqa: E402

KARAT = scale.RELEASE / "karat"
SIZES = (1_000, 100_000, 10_000, 100_000)
PACE = 0.01
IDLE_SECONDS = 30
CAPTURED_BYTES = 2 << 30
VOLUME_BYTES = 8 << 30
PIECE = 1 << 20


def write_random(path, size):
    with open(path, "wb") as file:
        for _ in range(size // PIECE):
            file.write(os.urandom(PIECE))


class Caller:
    """Calls at a steady pace until it is told to end, and remembers how long each took."""

    def __init__(self, server):
        self.requests = [server.signed(call) for call in scale.by_id_calls(server)[:200]]
        self.connection = socket.create_connection(("127.0.0.1", server.port))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.took = []
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def call(self, request):
        began = time.perf_counter()
        self.connection.sendall(request)
        reply = b""
        while b"\r\n\r\n" not in reply:
            reply += self.connection.recv(1 << 16)
        head, _, body = reply.partition(b"\r\n\r\n")
        size = int(re.search(rb"content-length: (\d+)", head, re.I)[1])
        while len(body) < size:
            body += self.connection.recv(1 << 16)
        if b" 200 " not in head.split(b"\r\n")[0]:
            sys.exit(head.decode())
        self.took.append(1000 * (time.perf_counter() - began))

    def run(self):
        due, at = time.perf_counter(), 0
        while not self.ends.is_set():
            self.call(self.requests[at % len(self.requests)])
            at, due = at + 1, due + PACE
            time.sleep(max(0, due - time.perf_counter()))

    def end(self):
        self.ends.set()
        self.thread.join()
        self.connection.close()
        self.took.sort()
        return self.took


def karat(data, *words):
    return subprocess.run([KARAT, "--data", data, "--json", *words], check=True, capture_output=True, text=True).stdout


def volumes_to_capture(server, data, random_disk):
    """Four volumes of instances that are stopped, each with an overlay that holds CAPTURED_BYTES."""
    named = {f"InstanceId.{at}": instance for at, instance in enumerate(server.facts["own_instances"][:4], 1)}
    server.call({"Action": "StopInstances", **named})
    server.settle()
    _, _, text = server.call({"Action": "DescribeInstances", **named})
    volumes = re.findall("<volumeId>([^<]*)</volumeId>", text)
    if text.count("<name>stopped</name>") != 4 or len(volumes) != 4:
        sys.exit("four instances do not stop")
    for volume in volumes:
        folder = data / "volumes" / volume
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", random_disk, folder / "0.qcow2"], check=True)
    return volumes


def open_tasks(data):
    return [task["kind"] for task in json.loads(karat(data, "tasks"))]


def work_hard(server, data, disk, volumes):
    """Begins everything and waits until it is through; answers what ran, and for how long."""
    account = json.loads(karat(data, "account", "list"))[0]["name"]
    began = time.time()
    karat(data, "image", "import", "--no-wait", "--account", account, "--name", "busy", str(disk))
    made = [server.call({"Action": "CreateSnapshot", "VolumeId": volume})[2] for volume in volumes]
    snapshots = {f"SnapshotId.{at}": re.search("<snapshotId>([^<]*)<", text)[1] for at, text in enumerate(made, 1)}
    collection = subprocess.Popen([KARAT, "--data", data, "store", "gc"], stdout=subprocess.DEVNULL)
    seen = set()
    while (kinds := open_tasks(data)) and time.time() - began < 900:
        seen |= set(kinds)
        time.sleep(2)
    collection.wait(60)
    _, _, text = server.call({"Action": "DescribeSnapshots", **snapshots})
    states = re.findall("<status>([^<]*)<", text)
    if states != ["completed"] * len(volumes):
        sys.exit(f"the captures ended so: {states[:8]} {re.findall('<statusMessage>([^<]*)<', text)[:8]}")
    return seen, time.time() - began


def in_words(took):
    return (f"p50 {statistics.median(took):.2f} ms, p99 {took[len(took) * 99 // 100]:.2f} ms, worst {took[-1]:.0f} ms of "
            f"{len(took):,} calls")


def measure(data, gigabytes):
    disk, part = data / "import.raw", data / "captured.raw"
    write_random(disk, gigabytes << 30)
    write_random(part, CAPTURED_BYTES)
    os.truncate(part, VOLUME_BYTES)
    with scale.Server(data, cores="0,1") as server:
        server.settle()
        volumes = volumes_to_capture(server, data, part)
        time.sleep(2)
        caller = Caller(server)
        time.sleep(IDLE_SECONDS)
        idle = caller.end()
        caller = Caller(server)
        seen, took = work_hard(server, data, disk, volumes)
        busy = caller.end()
    scale.row("what", "measured", "bar")
    scale.row("---", "---", "---")
    scale.row("DescribeImages by id, 100 a second, idle", in_words(idle))
    scale.row(f"… while a {gigabytes} GB import, 4 captures and a collection run ({took:.0f} s: {', '.join(sorted(seen))})",
              in_words(busy))
    ratio = busy[len(busy) * 99 // 100] / idle[len(idle) * 99 // 100]
    scale.row("p99, busy to idle", f"{ratio:.2f}", "1.5")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=int, default=10)
    gigabytes = parser.parse_args().gigabytes
    data = scale.make_data(SIZES)
    store = data / "store"
    kept = data / "store.kept"
    if kept.exists():  # of a run that was ended
        shutil.rmtree(store)
        kept.rename(store)
    shutil.copytree(store, kept)
    try:
        measure(data, gigabytes)
    finally:
        for left in "import.raw", "captured.raw":
            (data / left).unlink(missing_ok=True)
        shutil.rmtree(store)
        kept.rename(store)


main()
