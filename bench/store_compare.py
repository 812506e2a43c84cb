#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""B1 to B5: imports, second imports and restores of the block store beside borg, restic, casync and qemu-img.

Every round takes each tool once, so that a noisy neighbour meets all of them; the input is read into the page cache before
each step, and what earlier steps wrote is on disk. Prints Markdown: medians, the slowest and fastest round, CPU seconds.

    bench/store_compare.py [--rounds 5] [--disks build/bench/disks] [--work build/bench/work] [--tools ours,borg] [--weeks N]

The disks are made by bench/debian_disks. --weeks N measures B4 instead: bytes after N upgrades and N bakes, one round.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
STEPS = ["fresh", "upgraded", "rebuilt"]


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


class Casync(Tool):
    name = "casync"

    def version(self):
        return first_line("casync", "--version")

    def store(self, name, disk):
        return ["casync", "make", "--compression=zstd", f"--store={self.repository}/store.castr",
                self.repository / f"{name}.caibx", disk]

    def restore(self, name, disk, output):
        return ["casync", "extract", f"--store={self.repository}/store.castr", self.repository / f"{name}.caibx",
                output / "disk.raw"]


class QemuImg(Tool):
    name = "qemu-img -c"

    def version(self):
        return first_line("qemu-img", "--version")

    def store(self, name, disk):
        return ["qemu-img", "convert", "-c", "-W", "-m", "16", "-O", "qcow2", "-o", "compression_type=zstd", disk,
                self.repository / f"{name}.qcow2"]

    def restore(self, name, disk, output):
        return ["qemu-img", "convert", "-W", "-m", "16", "-O", "raw", self.repository / f"{name}.qcow2",
                output / "disk.raw"]


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
    shutil.rmtree(tool.repository)
    return results


def print_table(title, step, tools, rounds):
    print(f"\n**{title}**\n\n| tool | wall, median (fastest - slowest) | CPU | added | wall / ours | CPU / ours |")
    print("|---|---|---|---|---|---|")
    figures = {}
    for tool in tools:
        walls = [one[step][0] for one in rounds[tool.name]]
        cpu = statistics.median(one[step][1] for one in rounds[tool.name])
        figures[tool.name] = (statistics.median(walls), cpu)
        added = rounds[tool.name][0][step][2]
        ours = figures[tools[0].name]
        print(f"| {tool.name} | {figures[tool.name][0]:.2f} s ({min(walls):.2f} - {max(walls):.2f}) | {cpu:.2f} s | "
              f"{f'{added / 1e6:.1f} MB' if added else ''} | {figures[tool.name][0] / ours[0]:.1f} | {cpu / ours[1]:.1f} |",
              flush=True)


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
    rounds = {tool.name: [] for tool in tools}
    for number in range(options.rounds):
        for tool in tools:
            rounds[tool.name].append(one_round(tool, disks, work))
        print(f"round {number + 1} of {options.rounds} done", file=sys.stderr, flush=True)
    print_table("B1: import a fresh disk", "fresh", tools, rounds)
    print_table("B2: import it again, upgraded in place", "upgraded", tools, rounds)
    print_table("B3: and again, rebuilt", "rebuilt", tools, rounds)
    print_table("B5: restore the fresh disk to a raw file", "restore", tools, rounds)
    print(f"\nload {os.getloadavg()[0]:.1f} at the end")


main()
