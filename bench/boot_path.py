#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""B12: what a first boot fetches, and how long it takes from a store that is far away. The guest is `tiny` in QEMU,
over karat-blk with an empty cache, nothing filled in the background. The latency is put before every read of the
store's files (karat-blk's latency-ms), so that a fetch of one extent, and of one page of the map, takes so much longer.
`boot_path.py`; ROUNDS=5 by default."""
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
RELEASE = pathlib.Path(os.environ.get("KARAT_RELEASE", ROOT / "build/release"))
SEED = ROOT / "build/images/tiny.raw"
ROUNDS = int(os.environ.get("ROUNDS", "5"))
LATENCY_MS = 40
READY = "karat-tiny: ready"


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def spread(values):
    return f"{statistics.median(values):.1f} s ({min(values):.1f} to {max(values):.1f})"


class Lab:
    def __init__(self, folder):
        self.folder = folder
        self.cache = folder / "cache"
        subprocess.run([RELEASE / "blocks_bench", "import", folder / "store", "a", SEED], check=True,
                       stdout=subprocess.DEVNULL)

    def serve(self, *parameters, filters=()):
        socket = self.folder / "sock"
        socket.unlink(missing_ok=True)
        server = subprocess.Popen(
            ["nbdkit", "--foreground", "--readonly", "--unix", socket, "--threads", "16",
             *(f"--filter={name}" for name in filters), RELEASE / "karat-blk.so", f"store={self.folder}/store",
             f"cache={self.cache}", "cache-size=4G", "keep-free=0", "hydrate=0", *parameters],
            stderr=open(self.folder / "log", "a"))
        while not socket.exists():
            assert server.poll() is None
            time.sleep(0.01)
        return server

    def boot(self, backing):
        """Seconds from QEMU's start until the guest says that it is ready."""
        overlay, console = self.folder / "top.qcow2", self.folder / "console"
        overlay.unlink(missing_ok=True)
        console.unlink(missing_ok=True)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-o", "extended_l2=on,cluster_size=128k", overlay,
                        "1G"], check=True)
        began = time.monotonic()
        qemu = subprocess.Popen(
            ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-m", "256", "-nodefaults", "-display", "none", "-serial",
             f"file:{console}", "-smbios", "type=3,asset=i-0123456789abcdef0", "-drive",
             f"if=virtio,driver=qcow2,file.driver=file,file.filename={overlay},{backing}"])
        try:
            while not (console.exists() and READY in console.read_text(errors="replace")):
                assert qemu.poll() is None and time.monotonic() < began + 300, "the guest does not come up"
                time.sleep(0.02)
            return time.monotonic() - began
        finally:
            qemu.kill()
            qemu.wait()

    def over_nbd(self):
        return f"backing.driver=nbd,backing.server.type=unix,backing.server.path={self.folder}/sock,backing.export=a"

    def cold(self, *parameters, filters=(), keep_trace=False):
        """A boot over an empty cache: seconds, and bytes fetched."""
        for file in self.cache.glob("*") if self.cache.exists() else []:
            if not (keep_trace and file.suffix == ".trace"):
                file.unlink()
        server = self.serve(*parameters, filters=filters)
        try:
            seconds = self.boot(self.over_nbd())
            wait = 30 if "trace-seconds=15" in parameters else 0
            while wait and not (self.cache / "a.trace").exists():
                wait -= 1
                time.sleep(1)
        finally:
            server.terminate()
            server.wait()
        return seconds, (self.cache / "a.part").stat().st_blocks * 512


def touched(log):
    """Bytes of distinct 4 KiB blocks that nbdkit's log filter saw read."""
    blocks = set()
    for line in log.read_text().splitlines():
        found = re.search(r" Read .*offset=(0x[0-9a-f]+) count=(0x[0-9a-f]+)", line)
        if found:
            offset, count = int(found[1], 16), int(found[2], 16)
            blocks.update(range(offset // 4096, (offset + count + 4095) // 4096))
    return len(blocks) * 4096


def main():
    if not SEED.exists():
        sys.exit(f"{SEED} is missing: ./dev bench boot_path makes it")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="karat-boot-", dir=os.environ.get("TMPDIR")))
    try:
        lab = Lab(folder)
        print(f"load {os.getloadavg()[0]:.1f}, kernel {os.uname().release}, {ROUNDS} rounds")
        _, fetched = lab.cold(f"logfile={folder}/reads", filters=("log",))
        guest = touched(folder / "reads")
        row("B12", "measured", "bar")
        row("---", "---", "---")
        row("the guest reads until it is ready, distinct 4 KiB blocks", f"{guest / 1e6:.1f} MB", "")
        row("… karat-blk fetches, holes left out", f"{fetched / 1e6:.1f} MB, {fetched / guest:.2f} times", "1.4 times")
        lab.cold("trace-seconds=15")
        assert (lab.cache / "a.trace").exists()
        raw = f"backing.driver=file,backing.filename={SEED},backing.read-only=on"
        slow = f"latency-ms={LATENCY_MS}"
        local, plain, traced = [], [], []
        for _ in range(ROUNDS):
            local.append(lab.boot(raw))
            traced.append(lab.cold(slow, keep_trace=True)[0])
            trace = (lab.cache / "a.trace").rename(folder / "kept.trace")
            plain.append(lab.cold(slow)[0])
            trace.rename(lab.cache / "a.trace")
        ratio = statistics.median(traced) / statistics.median(local)
        row("ready over a local raw file", spread(local), "")
        row(f"… over a store {LATENCY_MS} ms away, no trace", spread(plain), "")
        row("… led by the trace of an earlier boot", f"{spread(traced)}, {ratio - 1:+.0%}", "+20 %")
    finally:
        shutil.rmtree(folder)


main()
