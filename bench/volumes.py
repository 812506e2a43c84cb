#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures volumes: B6 what CreateVolume costs, B10 scattered writes into a fresh clone, B11 an incremental
snapshot of a running guest. `volumes.py [b6] [b10] [b11]`; all three without arguments. Each alternates ours
with a peer where there is one; the guest is `tiny`."""
import http.client
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/aws"))
import lab as labs  # noqa: E402
from karat_daemon import Daemon  # noqa: E402

import botocore.auth  # noqa: E402
import botocore.awsrequest  # noqa: E402
import botocore.credentials  # noqa: E402

ROUNDS = 5
GIB = 1 << 30


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Caller:
    """Signs beforehand and sends over one connection: what a call costs the server, not boto3."""

    def __init__(self, daemon, keys):
        self.endpoint = daemon.endpoint
        self.credentials = botocore.credentials.Credentials(*keys)
        self.connection = http.client.HTTPConnection(daemon.endpoint.removeprefix("http://"))

    def signed(self, action, **members):
        body = urllib.parse.urlencode({"Action": action, "Version": "2016-11-15", **members})
        request = botocore.awsrequest.AWSRequest(
            "POST", self.endpoint + "/", data=body,
            headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"})
        botocore.auth.SigV4Auth(self.credentials, "ec2", "us-east-1").add_auth(request)
        return body, dict(request.headers)

    def send(self, signed):
        self.connection.request("POST", "/", *signed)
        reply = self.connection.getresponse()
        text = reply.read().decode()
        assert reply.status == 200, text
        return text

    def until_available(self, create):
        """Milliseconds of the call, and until the volume is said to be available."""
        began = time.perf_counter()
        text = self.send(create)
        answered = time.perf_counter()
        volume = re.search("<volumeId>(.*?)</volumeId>", text)[1]
        while "<status>available" not in self.send(self.signed("DescribeVolumes", **{"VolumeId.1": volume})):
            pass
        return (answered - began) * 1000, (time.perf_counter() - began) * 1000


def b6(lab, keys, snapshot):
    caller = Caller(lab.daemon, keys)
    answered, available, peer = {1: [], 1024: []}, {1: [], 1024: []}, []
    folder = tempfile.mkdtemp(prefix="karat-b6-", dir=lab.daemon.data)
    hundred = []
    for one_round in range(ROUNDS):
        for n in range(20):
            for size in (1, 1024):
                took, until = caller.until_available(caller.signed(
                    "CreateVolume", AvailabilityZone="us-east-1a", SnapshotId=snapshot, Size=size, VolumeType="gp3"))
                answered[size].append(took)
                available[size].append(until)
            began = time.perf_counter()
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(labs.SEED), "-F", "raw",
                            f"{folder}/{one_round}-{n}.qcow2"], check=True)
            peer.append((time.perf_counter() - began) * 1000)
        calls = [caller.signed("CreateVolume", AvailabilityZone="us-east-1a", SnapshotId=snapshot, Size=1,
                               VolumeType="gp3") for _ in range(100)]
        began = time.perf_counter()
        for call in calls:
            caller.send(call)
        hundred.append((time.perf_counter() - began) * 1000)
    shutil.rmtree(folder)
    fsyncs = fsync_milliseconds(lab.daemon.data)
    row("what", "p50", "p99", "bar")
    row("---", "---", "---", "---")
    for size in (1, 1024):
        row(f"B6 CreateVolume {size} GiB from a snapshot: the answer", f"{statistics.median(answered[size]):.2f} ms",
            f"{percentile(answered[size], .99):.1f} ms", "5 ms")
        row(f"B6 … until `available`, DescribeVolumes included", f"{statistics.median(available[size]):.2f} ms",
            f"{percentile(available[size], .99):.1f} ms", "5 ms")
    ratio = statistics.median(available[1024]) / statistics.median(available[1])
    row("B6 1 TiB / 1 GiB", f"{ratio:.2f}", "", "0.9 to 1.1")
    row("B6 a hundred in a row", f"{statistics.median(hundred):.0f} ms", "", "500 ms")
    row("B6 peer: qemu-img create -b", f"{statistics.median(peer):.1f} ms", f"{percentile(peer, .99):.1f} ms", "")
    row("one write and fdatasync on this disk", f"{statistics.median(fsyncs):.2f} ms",
        f"{percentile(fsyncs, .99):.1f} ms", "")


def fsync_milliseconds(folder):
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(200):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return took


WRITES = 40_000
STEP = 4096 * 4099  # a prime number of blocks: scattered, and each block once


def qemu_writes(options, cache):
    """IOPS, CPU seconds of scattered 4 KiB writes at depth 32."""
    command = ["qemu-img", "bench", "-w", "-c", str(WRITES), "-d", "32", "-s", "4096", "-S", str(STEP), "-t", cache]
    if cache == "none":
        command += ["-i", "native"]
    began = os.times()
    text = subprocess.run([*command, "--image-opts", options], check=True, text=True, capture_output=True).stdout
    ended = os.times()
    seconds = float(re.search(r"completed in ([0-9.]+) seconds", text)[1])
    return WRITES / seconds, ended.children_user + ended.children_system - began.children_user - began.children_system


def b10(lab, snapshot):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="karat-b10-", dir=lab.daemon.data))
    base = folder / "base.raw"
    subprocess.run(["cp", "--sparse=always", labs.SEED, base], check=True)
    size = 4 * GIB
    os.truncate(base, size)
    socket = next(pathlib.Path(lab.daemon.data, "run").glob("*blk*.sock"), None)
    assert socket, list(pathlib.Path(lab.daemon.data, "run").iterdir())
    kinds = {
        "ours": ("extended_l2=on,cluster_size=128k", f"backing.driver=nbd,backing.server.type=unix,"
                 f"backing.server.path={socket},backing.export={snapshot}"),
        "the same overlay on a raw file": ("extended_l2=on,cluster_size=128k",
                                           f"backing.driver=raw,backing.file.driver=file,backing.file.filename={base}"),
        "default qcow2 on a raw file": ("cluster_size=64k",
                                        f"backing.driver=raw,backing.file.driver=file,backing.file.filename={base}"),
    }
    found = {(kind, cache): ([], [], []) for kind in kinds for cache in ("none", "writeback")}
    for _ in range(ROUNDS):
        for (kind, cache), (iops, cpu, spread) in found.items():
            image = folder / "overlay.qcow2"
            image.unlink(missing_ok=True)
            create, backing = kinds[kind]
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-o", create, image, str(size)], check=True)
            empty = image.stat().st_blocks * 512
            rate, seconds = qemu_writes(f"driver=qcow2,file.driver=file,file.filename={image},{backing}", cache)
            iops.append(rate)
            cpu.append(seconds)
            spread.append((image.stat().st_blocks * 512 - empty) / (WRITES * 4096))
    shutil.rmtree(folder)
    row("what", "IOPS", "CPU s", "bytes on disk / written", "bar")
    row("---", "---", "---", "---", "---")
    for (kind, cache), (iops, cpu, spread) in found.items():
        row(f"B10 {kind}, cache={cache}", f"{statistics.median(iops):.0f}", f"{statistics.median(cpu):.2f}",
            f"{statistics.median(spread):.2f}", "30000 or 0.9x; 1.1" if kind == "ours" else "")
    for cache in ("none", "writeback"):
        ratio = statistics.median(a / b for a, b in zip(found["ours", cache][0],
                                                        found["the same overlay on a raw file", cache][0]))
        row(f"B10 ours / the same overlay on a raw file, cache={cache}", f"{ratio:.2f}", "", "", "0.9")


def log_of(lab):
    return pathlib.Path(lab.daemon.data, "karatd.log").read_text()


def last_capture(log):
    """What the daemon said of the newest capture."""
    pause = int(re.findall(r"volumes.frozen .*pause_us=(\d+)", log)[-1])
    written = int(re.findall(r"snapshot.completed .*bytes_written=(\d+)", log)[-1])
    return pause, written


def b11(lab, image):
    lab.open_web()
    guest = lab.launch(image)
    lab.state_is(guest, "running")
    lab.answers(guest)
    io = pathlib.Path(f"/proc/{lab.daemon.process.pid}/io")
    row("what", "pause p50", "pause p99", "bytes read / dirtied", "seconds", "bar")
    row("---", "---", "---", "---", "---", "---")
    for size, device in ((1, "/dev/sdf"), (1024, "/dev/sdg")):
        v = lab.create(Size=size)
        lab.attach(v, guest, device)
        disk = lab.run(guest, f"disk {labs.serial(v)}")
        lab.snapshot(v)  # the first overlay is behind it
        for dirty_mib in (1, 64):
            rounds = 30 if dirty_mib == 1 else ROUNDS
            pauses, shares, seconds = [], [], []
            for n in range(rounds):
                lab.run(guest, f"dd if=/dev/urandom of={disk} bs=64k count={dirty_mib * 16} "
                               f"seek={n * dirty_mib * 16 % 8192} conv=notrunc,fsync 2>/dev/null")
                before = int(re.search(r"rchar: (\d+)", io.read_text())[1])
                began = time.perf_counter()
                s = lab.ec2.create_snapshot(VolumeId=v)["SnapshotId"]
                while lab.ec2.describe_snapshots(SnapshotIds=[s])["Snapshots"][0]["State"] != "completed":
                    time.sleep(0.005)
                seconds.append(time.perf_counter() - began)
                pause, written = last_capture(log_of(lab))
                pauses.append(pause / 1000)
                shares.append((int(re.search(r"rchar: (\d+)", io.read_text())[1]) - before) / (dirty_mib << 20))
                assert written == dirty_mib << 20, (written, dirty_mib)
                lab.ec2.delete_snapshot(SnapshotId=s)
            row(f"B11 {dirty_mib} MiB of {size} GiB", f"{statistics.median(pauses):.1f} ms",
                f"{percentile(pauses, .99):.1f} ms", f"{statistics.median(shares):.3f}",
                f"{statistics.median(seconds):.2f}", "10 ms; 1.05")
        under_load(lab, guest, v, disk)
        lab.detach(v)
        lab.ec2.delete_volume(VolumeId=v)
    lab.ec2.terminate_instances(InstanceIds=[guest])
    lab.state_is(guest, "terminated")


def under_load(lab, guest, v, disk):
    """Pauses while the guest writes as fast as it can."""
    lab.run(guest, f"rm -f /tmp/stop; (while [ ! -e /tmp/stop ]; do dd if=/dev/zero of={disk} bs=64k count=512 "
                   f"seek=4096 conv=notrunc 2>/dev/null; done) </dev/null >/dev/null 2>&1 &")
    pauses = []
    for _ in range(20):
        s = lab.snapshot(v)
        pauses.append(last_capture(log_of(lab))[0] / 1000)
        lab.ec2.delete_snapshot(SnapshotId=s)
    lab.run(guest, "touch /tmp/stop")
    row("B11 … while the guest writes without end", f"{statistics.median(pauses):.1f} ms",
        f"{percentile(pauses, .99):.1f} ms", "", "", "10 ms")


def main():
    labs.need_guests()
    wanted = sys.argv[1:] or ["b6", "b10", "b11"]
    daemon = Daemon()
    try:
        lab = labs.Lab(daemon)
        image = lab.import_seed()
        snapshot = lab.ec2.describe_images(ImageIds=[image])["Images"][0]["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
        print(f"load {os.getloadavg()[0]:.1f}, kernel {os.uname().release}")
        if "b6" in wanted or "b10" in wanted:
            mine = lab.own_copy()
        if "b6" in wanted:
            b6(lab, lab.keys, mine)
        if "b10" in wanted:
            b10(lab, snapshot)
        if "b11" in wanted:
            b11(lab, image)
    finally:
        daemon.stop()


main()
