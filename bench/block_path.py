#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the way of a guest's reads. B8: 4 KiB random reads over an NBD socket, with fio, warm and cold. B9: what
QEMU sees through an overlay, with qemu-img bench. `block_path.py [b8] [cold] [b9]`; all without arguments. Rounds
alternate ours with the peers; medians."""
import json
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
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = int(os.environ.get("SECONDS_EACH", "3"))
THREADS = os.environ.get("THREADS", "16")  # what karatd gives karat-blk
SIZE = 1 << 30


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def spread(values, unit=""):
    return f"{statistics.median(values):,.0f}{unit} ({min(values):,.0f} to {max(values):,.0f})"


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Server:
    """A process that serves on a socket, for as long as the block lasts."""

    def __init__(self, socket, *command):
        self.socket, self.command = socket, command

    def __enter__(self):
        self.socket.unlink(missing_ok=True)
        self.process = subprocess.Popen([str(word) for word in self.command], stderr=subprocess.DEVNULL)
        deadline = time.time() + 20
        while not self.socket.exists():
            assert time.time() < deadline and self.process.poll() is None, self.command
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def cpu(self):
        return cpu_seconds(self.process.pid)


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.socket = folder / "sock"
        self.raw, self.zstd, self.over = folder / "disk.raw", folder / "disk.qcow2", folder / "over.qcow2"
        with open(self.raw, "wb") as file:
            file.truncate(SIZE)
        tree = folder / "tree"
        tree.mkdir()
        budget = 600 << 20
        for source in ("/usr/lib/x86_64-linux-gnu", "/usr/bin", "/usr/share", "/usr/lib/gcc"):
            for file in sorted(pathlib.Path(source).rglob("*")):
                if budget <= 0 or file.is_symlink() or not file.is_file():
                    continue
                budget -= file.stat().st_size
                to = tree / str(file)[1:]
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, to)
        subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-d", tree, self.raw], check=True)
        shutil.rmtree(tree)
        subprocess.run(["qemu-img", "convert", "-c", "-O", "qcow2", "-o", "compression_type=zstd", self.raw, self.zstd],
                       check=True)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", self.zstd, "-F", "qcow2", self.over], check=True)
        subprocess.run([RELEASE / "blocks_bench", "import", folder / "store", "a", self.raw], check=True,
                       stdout=subprocess.DEVNULL)
        os.sync()

    def karat(self, *parameters):
        return Server(self.socket, "nbdkit", "--foreground", "--readonly", "--unix", self.socket, "--threads", THREADS,
                      RELEASE / "karat-blk.so", f"store={self.folder}/store", f"cache={self.folder}/cache",
                      "cache-size=4G", "keep-free=0", "trace-seconds=0", *parameters)

    def nbdkit(self, *plugin):
        return Server(self.socket, "nbdkit", "--foreground", "--readonly", "--unix", self.socket, *plugin)

    def qemu_nbd(self, file, form):
        return Server(self.socket, "qemu-nbd", "--read-only", "--persistent", "--shared=16", "--aio=io_uring",
                      f"--format={form}", f"--socket={self.socket}", file)

    def uri(self, name=""):
        return f"nbd+unix:///{name}?socket={self.socket}"

    def fio(self, server, name, depth, jobs=1, seconds=SECONDS):
        """IOPS; CPU seconds of client and server per 100,000 reads."""
        began = server.cpu()
        text = subprocess.run(
            ["fio", "--name=x", "--ioengine=nbd", f"--uri={self.uri(name)}", "--rw=randread", "--bs=4k", "--thread",
             f"--iodepth={depth}", f"--numjobs={jobs}", "--group_reporting", f"--size={SIZE}", "--time_based",
             f"--runtime={seconds}", "--randrepeat=0", "--output-format=json"], check=True, text=True,
            capture_output=True).stdout
        found = json.loads(text[text.index("{"):])["jobs"][0]
        client = (found["usr_cpu"] + found["sys_cpu"]) / 100 * found["job_runtime"] / 1000
        share = 100_000 / found["read"]["total_ios"]
        return found["read"]["iops"], client * share, (server.cpu() - began) * share

    def fill_cache(self):
        """Until the raw file is whole."""
        with self.karat("hydrate=10G"):
            subprocess.run(["qemu-img", "bench", "-f", "raw", "-c", "10", self.uri("a")], check=True,
                           stdout=subprocess.DEVNULL)
            deadline = time.time() + 120
            while not (self.folder / "cache/a.raw").exists():
                assert time.time() < deadline, "the cache does not fill"
                time.sleep(0.1)
        subprocess.run(["cmp", self.raw, self.folder / "cache/a.raw"], check=True)

    def forget(self, *folders):
        """Drops from the page cache what these files have in it."""
        os.sync()
        for folder in folders:
            for file in [folder] if folder.is_file() else folder.rglob("*"):
                if file.is_file():
                    handle = os.open(file, os.O_RDONLY)
                    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
                    os.close(handle)


def b8(bench):
    bench.fill_cache()
    servers = {"karat-blk": (bench.karat, "a"),
               "qemu-nbd raw --aio=io_uring": (lambda: bench.qemu_nbd(bench.raw, "raw"), ""),
               "nbdkit file": (lambda: bench.nbdkit("file", bench.raw), ""),
               "nbdkit null": (lambda: bench.nbdkit("null", str(SIZE)), "")}
    row("B8, warm, 4 KiB random reads a second", *servers, "ours / qemu-nbd")
    row(*["---"] * (len(servers) + 2))
    for what, depth, jobs in (("depth 1", 1, 1), ("depth 32", 32, 1), ("4 connections, depth 32 each", 32, 4)):
        found = {name: [] for name in servers}
        for _ in range(ROUNDS):
            for name, (start, export) in servers.items():
                with start() as server:
                    bench.fio(server, export, depth, jobs, 1)  # warms up
                    found[name].append(bench.fio(server, export, depth, jobs))
        rates = {name: [one[0] for one in all] for name, all in found.items()}
        medians = [statistics.median(one) for one in rates.values()]
        row(what, *(spread(one) for one in rates.values()), f"{medians[0] / medians[1]:.2f}")
        row("… CPU seconds of client + server for 100,000",
            *(f"{statistics.median(o[1] for o in all):.2f} + {statistics.median(o[2] for o in all):.2f}"
              for all in found.values()), "")


def cold(bench):
    rates = {"karat-blk, empty cache": [], "qemu-nbd, overlay on a zstd qcow2": []}
    for _ in range(ROUNDS):
        shutil.rmtree(bench.folder / "cache", ignore_errors=True)
        bench.forget(bench.folder / "store", bench.zstd, bench.over)
        with bench.karat("hydrate=0") as server:
            rates["karat-blk, empty cache"].append(bench.fio(server, "a", 32, seconds=10)[0])
        bench.forget(bench.folder / "store", bench.zstd, bench.over)
        with bench.qemu_nbd(bench.over, "qcow2") as server:
            rates["qemu-nbd, overlay on a zstd qcow2"].append(bench.fio(server, "", 32, seconds=10)[0])
    ours, peer = (statistics.median(one) for one in rates.values())
    row("B8, compressed and cold, depth 32, the first 10 s", *rates, "ours / peer")
    row("---", "---", "---", "---")
    row("reads a second", *(spread(one) for one in rates.values()), f"{ours / peer:.1f}")


def b9(bench):
    bench.fill_cache()
    overlay = bench.folder / "b9.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-o", "extended_l2=on,cluster_size=128k", overlay,
                    str(SIZE)], check=True)
    top = f"driver=qcow2,file.driver=file,file.filename={overlay},file.locking=off,"
    raw = "backing.driver=file,backing.read-only=on,backing.filename="
    nbd = f"backing.driver=nbd,backing.server.type=unix,backing.server.path={bench.socket},backing.export="
    ways = {"over karat-blk": nbd + "a", "after promotion": f"{raw}{bench.folder}/cache/a.raw",
            "over a raw file": f"{raw}{bench.raw}"}
    rates = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, backing in ways.items():
            with bench.karat():
                text = subprocess.run(["qemu-img", "bench", "-c", "400000", "-d", "32", "-s", "4096", "-S", "36864",
                                       "--image-opts", top + backing], check=True, text=True,
                                      capture_output=True).stdout
            rates[name].append(400_000 / float(re.search(r"completed in ([0-9.]+) seconds", text)[1]))
    medians = [statistics.median(one) for one in rates.values()]
    row("B9, 4 KiB reads through an overlay, depth 32", *rates, "karat-blk / raw", "promoted / raw")
    row(*["---"] * 6)
    row("reads a second", *(spread(one) for one in rates.values()), f"{medians[0] / medians[2]:.2f}",
        f"{medians[1] / medians[2]:.2f}")


def main():
    wanted = sys.argv[1:] or ["b8", "cold", "b9"]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="karat-path-", dir=os.environ.get("TMPDIR")))
    try:
        bench = Bench(folder)
        print(f"load {os.getloadavg()[0]:.1f}, kernel {os.uname().release}, {ROUNDS} rounds of {SECONDS} s")
        for name, run in (("b8", b8), ("cold", cold), ("b9", b9)):
            if name in wanted:
                run(bench)
    finally:
        shutil.rmtree(folder)


main()
