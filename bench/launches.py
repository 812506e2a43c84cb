#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long a launch takes, from RunInstances to running: the median of ten. `launches.py [OTHER]` compares with the programs in
another folder, such as an earlier release's: both in turns, three times."""
import os
import pathlib
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/aws"))
from karat_daemon import RELEASE  # noqa: E402
from lab import run_with_guests  # noqa: E402

LAUNCHES = 10
TURNS = 3


def launch(lab, image):
    begun = time.time()
    instance = lab.launch(image)
    while lab.instance(instance)["State"]["Name"] != "running":
        time.sleep(0.005)
    took = time.time() - begun
    lab.ec2.terminate_instances(InstanceIds=[instance])
    lab.state_is(instance, "terminated")
    return took


def measure(_, lab):
    image = lab.import_seed()
    lab.open_web()
    launch(lab, image)  # fills caches
    took = sorted(launch(lab, image) * 1000 for _ in range(LAUNCHES))
    print(f"{statistics.median(took):.0f} ms ({took[0]:.0f} to {took[-1]:.0f})", flush=True)


def main():
    if os.environ.get("ONE"):
        return run_with_guests(measure)
    for _ in range(TURNS):
        for programs in [RELEASE, *sys.argv[1:]]:
            print(f"{programs}: ", end="", flush=True)
            subprocess.run([sys.executable, __file__], check=True, env=dict(os.environ, ONE="1", KARAT_RELEASE=str(programs)))


main()
