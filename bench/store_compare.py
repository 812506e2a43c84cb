#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""B1 to B5 and B17: imports, second imports, restores and scrubs of the block store beside borg, restic, casync and qemu-img.

Every round takes each tool once, so that a noisy neighbour meets all of them; the input is read into the page cache before
each step, and what earlier steps wrote is on disk. A step ends when what it stored is durable. Prints Markdown: medians,
fastest and slowest, CPU seconds; the slow tools (restic, casync, borg with small chunks) may have fewer rounds than the others.

    bench/store_compare.py [--rounds 5] [--tools ours,borg] [--results FILE] [--quick]
    bench/store_compare.py --weeks 10

The disks are made by bench/debian_disks. --results keeps the rounds in a file, so that a long comparison can be taken in several
sittings, ours in each of them; the tables are of all rounds in it. --quick takes one round with the first 256 MiB of each disk.
--weeks N measures B4 instead: bytes after N upgrades and N bakes, one round.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
STEPS = ["fresh", "upgraded", "rebuilt"]
QUICK_BYTES = 256 << 20
TABLES = [("fresh", "B1: import a fresh disk"), ("upgraded", "B2: import it again, upgraded in place"),
          ("rebuilt", "B3: and again, rebuilt"), ("restore", "B5: restore the fresh disk to a raw file"),
          ("scrub", "B17: verify all data of the three disks")]


class Tool:
    """How a program keeps disks in a repository and gives them back."""
    name = ""
    environment = {}

    def __init__(self, work):
        self.repository = work / f"{self.name.replace(' ', '-')}.repository"

    def version(self):
        return ""

    def begin(self):
        self.repository.mkdir()

    def store(self, name, disk):
        raise NotImplementedError

    def restore(self, name, disk, output):
        raise NotImplementedError

    def scrub(self):
        """The command that reads and verifies all data, if there is one."""
        return None


def first_line(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0]


class Ours(Tool):
    name = "Karat"
    program = ROOT / "build/release/blocks_bench"

    def begin(self):
        pass

    def store(self, name, disk):
        return [self.program, "import", self.repository, name, disk]

    def restore(self, name, disk, output):
        return [self.program, "restore", self.repository, name, output / "disk.raw"]

    def scrub(self):
        return [self.program, "check", self.repository]


class Borg(Tool):
    name = "borg"
    chunks = "fixed,524288"

    def __init__(self, work):
        super().__init__(work)
        self.environment = {"BORG_BASE_DIR": str(work / "borg"), "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
                            "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes"}

    def version(self):
        return first_line("borg", "--version")

    def begin(self):
        subprocess.run(["borg", "init", "-e", "none", self.repository], check=True, env=os.environ | self.environment)

    def store(self, name, disk):
        return ["borg", "create", "--sparse", "--chunker-params", self.chunks, "-C", "zstd,1",
                f"{self.repository}::{name}", disk]

    def restore(self, name, disk, output):
        return ["borg", "extract", "--sparse", f"{self.repository}::{name}"]

    def scrub(self):
        return ["borg", "check", "--verify-data", self.repository]


class BorgSmallChunks(Borg):
    name = "borg 64K"
    chunks = "buzhash,12,19,16,4095"


class Restic(Tool):
    name = "restic"

    def __init__(self, work):
        super().__init__(work)
        self.environment = {"RESTIC_PASSWORD": "bench", "RESTIC_CACHE_DIR": str(work / "restic-cache"),
                            "RESTIC_REPOSITORY": str(self.repository)}

    def version(self):
        return first_line("restic", "version")

    def begin(self):
        subprocess.run(["restic", "init", "-q", "--repository-version", "2"], check=True, env=os.environ | self.environment)

    def store(self, name, disk):
        return ["restic", "backup", "-q", "--force", "--tag", name, disk]

    def restore(self, name, disk, output):
        return ["restic", "restore", "-q", "--tag", name, "--target", output, "latest"]

    def scrub(self):
        return ["restic", "check", "-q", "--read-data"]


class Casync(Tool):
    """It syncs nothing itself. SHA-256, which processors know, is faster than its default."""
    name = "casync"
    digest = "--digest=sha256"

    def version(self):
        return first_line("casync", "--version")

    def store(self, name, disk):
        return ["sh", "-c", 'casync make --compression=zstd "$0" "--store=$1/store.castr" "$2" "$3" && sync -f "$1"',
                self.digest, self.repository, self.repository / f"{name}.caibx", disk]

    def restore(self, name, disk, output):
        return ["casync", "extract", self.digest, f"--store={self.repository}/store.castr", self.repository / f"{name}.caibx",
                output / "disk.raw"]


class QemuImg(Tool):
    """Its default for the output is a cache that is never flushed: with `writeback` it is, once, at the end. `qemu-img check`
    looks at tables and at no data."""
    name = "qemu-img -c"

    def version(self):
        return first_line("qemu-img", "--version")

    def store(self, name, disk):
        return ["qemu-img", "convert", "-c", "-W", "-m", "16", "-t", "writeback", "-O", "qcow2", "-o", "compression_type=zstd", disk,
                self.repository / f"{name}.qcow2"]

    def restore(self, name, disk, output):
        return ["qemu-img", "convert", "-W", "-m", "16", "-O", "raw", self.repository / f"{name}.qcow2",
                output / "disk.raw"]

    def scrub(self):
        words = "for disk in fresh upgraded rebuilt; do qemu-img check -q $0/$disk.qcow2 || exit 1; done"
        return ["sh", "-c", words, self.repository]


TOOLS = {"ours": Ours, "borg": Borg, "borg64": BorgSmallChunks, "restic": Restic, "casync": Casync, "qemu": QemuImg}


def warm(path):
    with open(path, "rb", buffering=0) as disk:
        end = disk.seek(0, os.SEEK_END)
        at = 0
        while at < end:
            try:
                at = disk.seek(at, os.SEEK_DATA)
            except OSError:  # only a hole follows
                return
            stop = disk.seek(at, os.SEEK_HOLE)
            disk.seek(at)
            while at < stop:
                at += len(disk.read(min(stop - at, 4 << 20)))


def timed(command, environment, folder):
    """Seconds of wall time and of CPU; ends the run when the program fails."""
    os.sync()
    began = time.perf_counter()
    process = subprocess.Popen([str(word) for word in command], env=os.environ | environment, cwd=folder,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command[0]} failed: {said.decode()}")
    return seconds, usage.ru_utime + usage.ru_stime


def stored_bytes(folder):
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def same(one, other):
    return subprocess.run(["cmp", "-s", one, other]).returncode == 0


def one_round(tool, disks, work):
    """(seconds, CPU seconds, bytes added) of each step."""
    shutil.rmtree(tool.repository, ignore_errors=True)
    tool.begin()
    results, before = {}, 0
    for step in STEPS:
        disk = disks / f"{step}.raw"
        warm(disk)
        seconds, cpu = timed(tool.store(step, disk), tool.environment, work)
        after = stored_bytes(tool.repository)
        results[step] = (seconds, cpu, after - before)
        before = after
    output = work / "restored"
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    seconds, cpu = timed(tool.restore("fresh", disks / "fresh.raw", output), tool.environment, output)
    results["restore"] = (seconds, cpu, 0)
    restored = [path for path in output.rglob("*") if path.is_file()]
    if len(restored) != 1 or not same(restored[0], disks / "fresh.raw"):
        sys.exit(f"{tool.name} did not give back what it was given")
    shutil.rmtree(output)
    if tool.scrub():
        for path in tool.repository.rglob("*"):
            if path.is_file():
                warm(path)
        seconds, cpu = timed(tool.scrub(), tool.environment, work)
        results["scrub"] = (seconds, cpu, 0)
    shutil.rmtree(tool.repository)
    return results


def print_table(title, step, names, rounds):
    print(f"\n**{title}**\n\n| tool | rounds | wall, median (fastest - slowest) | CPU | added | wall / ours | CPU / ours |")
    print("|---|---|---|---|---|---|---|")
    ours = None
    for name in names:
        taken = [one[step] for one in rounds[name] if step in one]
        if not taken:
            continue
        walls = [one[0] for one in taken]
        wall, cpu = statistics.median(walls), statistics.median(one[1] for one in taken)
        ours = ours or (wall, cpu)
        added = f"{taken[0][2] / 1e6:.1f} MB" if taken[0][2] else ""
        print(f"| {name} | {len(taken)} | {wall:.2f} s ({min(walls):.2f} - {max(walls):.2f}) | {cpu:.2f} s | {added} | "
              f"{wall / ours[0]:.1f} | {cpu / ours[1]:.1f} |", flush=True)


def first_part(disks, to):
    """Copies the beginnings of the disks, holes and all."""
    to.mkdir(parents=True, exist_ok=True)
    for step in STEPS:
        copy = to / f"{step}.raw"
        copy.unlink(missing_ok=True)
        subprocess.run(["dd", f"if={disks}/{step}.raw", f"of={copy}", "bs=1M", f"count={QUICK_BYTES >> 20}",
                        "conv=sparse", "status=none"], check=True)
        os.truncate(copy, QUICK_BYTES)
    return to


def measure_weeks(tools, disks, work, weeks):
    """B4: what a repository takes after a fresh disk, then a bake and an upgrade every week."""
    names = ["fresh"] + [f"{kind}-{week}" for week in range(1, weeks + 1) for kind in ("upgrade", "bake")]
    data = sum((disks / f"{name}.raw").stat().st_blocks * 512 for name in names)
    print(f"\n**B4: {weeks} upgrades and {weeks} bakes, {data / 1e9:.1f} GB of data**\n")
    print("| tool | stored | of the data | CPU |\n|---|---|---|---|")
    for tool in tools:
        shutil.rmtree(tool.repository, ignore_errors=True)
        tool.begin()
        cpu = sum(timed(tool.store(name, disks / f"{name}.raw"), tool.environment, work)[1] for name in names)
        stored = stored_bytes(tool.repository)
        print(f"| {tool.name} | {stored / 1e6:.0f} MB | {stored / data * 100:.1f} % | {cpu:.0f} s |", flush=True)
        shutil.rmtree(tool.repository)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--disks", type=pathlib.Path, default=ROOT / "build/bench/disks")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build/bench/work")
    parser.add_argument("--tools", default=",".join(TOOLS))
    parser.add_argument("--weeks", type=int, default=0)
    parser.add_argument("--results", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    disks, work = options.disks.resolve(), options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    subprocess.run([ROOT / "bench/debian_disks", disks, str(options.weeks)], check=True)
    tools = [TOOLS[name](work) for name in options.tools.split(",")]
    if not isinstance(tools[0], Ours):
        sys.exit("name ours first: the others are compared with it")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start; "
          + "; ".join(tool.version() for tool in tools if tool.version()))
    if options.weeks:
        return measure_weeks(tools, disks, work, options.weeks)
    if options.quick:
        disks, options.rounds = first_part(disks, work / "quick"), 1
    rounds = {tool.name: [] for tool in tools}
    if options.results and options.results.exists():
        rounds |= json.loads(options.results.read_text())
    for number in range(options.rounds):
        for tool in tools:
            rounds[tool.name].append(one_round(tool, disks, work))
        print(f"round {number + 1} of {options.rounds} done", file=sys.stderr, flush=True)
        if options.results:
            options.results.write_text(json.dumps(rounds))
    for step, title in TABLES:
        print_table(title, step, list(rounds), rounds)
    print(f"\nload {os.getloadavg()[0]:.1f} at the end")


main()
