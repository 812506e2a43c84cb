#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions of the block store's main steps and compares them with bench/store_costs.txt.

Clocks on shared machines swing by a factor of two; instructions under valgrind do not. A step that takes over 15 % more
than was committed fails. When that is meant, or a step became cheaper, write the new counts down and say why in the commit:

    bench/store_costs.py build/release/store_costs --bless
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

BOUNDS = pathlib.Path(__file__).with_suffix(".txt")
HEADROOM = 0.15
HEADER = "# Thousands of instructions for each MiB of disk, or each overlay, by bench/store_costs.py (callgrind, Debian 12, amd64).\n"


def run(*command):
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{ran.stdout}{ran.stderr}")
    return ran.stdout


def measure(program):
    """Step -> (thousands of instructions, for one of what)."""
    with tempfile.TemporaryDirectory(prefix="karat-costs.") as work:
        out = pathlib.Path(work, "callgrind.out")
        ran = run("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--collect-atstart=no",
                  "--toggle-collect=step_*", program, f"{work}/store")
        costs = run("callgrind_annotate", "--inclusive=yes", "--threshold=100", "--auto=no", out)
        counts = {}
        for step, units, unit in (line.split() for line in ran.splitlines()):
            total = re.search(rf"^ *([\d,]+) .*:step_{step}\b", costs, re.M)  # the largest is the first
            counts[step] = (round(int(total[1].replace(",", "")) / int(units) / 1000, 1), unit)
        return counts


def bounds():
    lines = [line.split() for line in BOUNDS.read_text().splitlines() if not line.startswith("#")]
    return {step: float(count) for step, count in lines}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--bless", action="store_true")
    options = parser.parse_args()
    if not shutil.which("valgrind"):
        print("SKIPPED: valgrind is not installed")
        return 77
    counts = measure(options.program)
    if options.bless:
        BOUNDS.write_text(HEADER + "".join(f"{step} {count}\n" for step, (count, _) in counts.items()))
        print(f"wrote {BOUNDS}")
        return 0
    committed, dearer = bounds(), []
    for step, (count, unit) in counts.items():
        change = count / committed[step] - 1
        print(f"{step:14} {count:8.1f} thousand instructions for one {unit}, {change:+.1%}")
        if change > HEADROOM:
            dearer.append(step)
    if dearer:
        print(f"FAILED: {', '.join(dearer)} costs over {HEADROOM:.0%} more than {BOUNDS.name} says. When that is meant:\n"
              f"  bench/store_costs.py {options.program} --bless")
    return 1 if dearer else 0


sys.exit(main())
