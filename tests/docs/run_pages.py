#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs what README.md and docs/operating.md tell a reader to type, after `./dev demo`, and compares the data directory
with the page's table. run_pages.py DATA. Only the places differ: the data directory, and files that a reader has."""
import fnmatch
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from pages import ROOT, Page

README, OPERATING = Page("README.md"), Page("docs/operating.md")
SECTIONS = ((README, "## Using `aws`"), (README, "## Operating it with `karat`"),
            (OPERATING, "## What runs: `karat status`, `karat instances`, `karat tasks`"), (OPERATING, "## The host cache"),
            (OPERATING, "## Encryption"))
# What a reader waits for, and copies from one line into the next.
AFTER = {
    "run-instances": """
instance=$(aws ec2 describe-instances --filters Name=instance-state-name,Values=pending,running \\
    --query 'Reservations[0].Instances[0].InstanceId' --output text)
until aws ec2 describe-instances --instance-ids $instance | grep -q '"running"'; do sleep 0.2; done""",
    "karat image import": "\nimage=$(karat image list --account acme | cut -f1 | head -1)",
}
# Not there in every run: made by failures, by use, or for a moment.
SOMETIMES = {"catalog.sqlite-journal", "catalog.sqlite-wal", "store/condemned", "store/scrub", "store/alarm", "cache/",
             "run/blk.next.sock", "store/staged/"}
OF_DEV = {"karatd.log", "karatd.pid", "credentials.sh", "demo-key.sh"}


def script(data):
    lines = ["set -euo pipefail"]
    for page, heading in SECTIONS:
        section = Page(page.name)
        section.lines = page.section(heading)
        for _, block in section.blocks():
            for line in block:
                typed = line.replace("build/data", str(data)).replace("ami-...", "$image").replace("i-...", "$instance")
                lines += ["echo " + quoted(f"+ {line}"), typed]
                lines += [more for words, more in AFTER.items() if words in line]
    return "\n".join(lines)


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def run_blocks(data):
    with tempfile.TemporaryDirectory(prefix="karat-pages-") as place:
        raw = pathlib.Path(place, "disk.raw")
        raw.write_bytes(os.urandom(1 << 20))
        subprocess.run(["qemu-img", "convert", "-O", "qcow2", raw, f"{place}/disk.qcow2"], check=True)
        environment = dict(os.environ, KARAT_DATA=str(data), PATH=f"{ROOT}/build/release:{os.environ['PATH']}",
                           AWS_PAGER="")
        done = subprocess.run(["bash", "-c", script(data)], cwd=place, env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    typed = [line for line in done.stdout.splitlines() if line.startswith("+ ")]
    if done.returncode != 0:
        sys.exit(f"{done.stdout[-2000:]}\nthe pages' own commands end with an error: {typed[-1:]}")
    return len(typed)


def told_paths():
    """The paths of the table, as shell patterns."""
    paths = []
    for line in OPERATING.section("## The data directory"):
        if not line.startswith("| `"):
            continue
        first = None
        for name in re.findall(r"`([^`]+)`", line.split("|")[1]):
            name = re.sub(r"<[^>]*>", "*", name)
            if name.startswith("-"):
                name = first + name
            elif first and "/" in first and "/" not in name:
                name = os.path.dirname(first) + "/" + name
            first = first or name
            paths.append(name)
    return paths


def compare_directory(data):
    paths = told_paths()
    problems = [f"{path} of the table is not there" for path in paths
                if path not in SOMETIMES and not list(data.glob(path.rstrip("/"))) and "*" not in path]
    for folder in ("", "store", "run"):
        for entry in sorted((data / folder).iterdir()):
            name = str(entry.relative_to(data))
            told = any(fnmatch.fnmatch(name, path.rstrip("/")) or path.startswith(name + "/") for path in paths)
            if not told and name not in OF_DEV:
                problems.append(f"the table of the data directory lacks {name}")
    return problems


def main():
    data = pathlib.Path(sys.argv[1])
    typed = run_blocks(data)
    problems = compare_directory(data)
    print("\n".join(problems) or f"{typed} lines of the pages work as written")
    sys.exit(1 if problems or typed < 15 else 0)


main()
