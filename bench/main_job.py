#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the bars of the main job on this host: what a caller waits for, how long a guest takes,
how long a capture pauses it, and what the idle daemon costs. `main_job.py [--image debian-12]`."""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/crash"))
sys.argv, arguments = sys.argv[:1], sys.argv[1:]
import kill_test  # noqa: E402  the world of the kill test: a daemon of our own

ROOT = pathlib.Path(__file__).resolve().parents[1]
USER_DATA = {
    "tiny": kill_test.USER_DATA,
    "debian-12": """#!/bin/sh
mkdir -p /srv/www
echo "baked by Karat" >/srv/www/index.html
cat >/etc/systemd/system/page.service <<'UNIT'
[Service]
ExecStart=/usr/bin/python3 -m http.server --directory /srv/www 80
Restart=always
[Install]
WantedBy=multi-user.target
UNIT
cat >/etc/systemd/system/report.service <<'UNIT'
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'cloud-init status --wait --long >/srv/www/report.new; echo "warnings: $(grep -c WARN /var/log/cloud-init.log)" >>/srv/www/report.new; mv /srv/www/report.new /srv/www/report'
UNIT
systemctl enable --now page.service
systemctl start --no-block report.service
""",
}


def row(what, value, bar):
    print(f"| {what} | {value} | {bar} |", flush=True)


def milliseconds(work):
    began = time.perf_counter()
    result = work()
    return (time.perf_counter() - began) * 1000, result


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def cloud_init_report(address, deadline):
    """What `cloud-init status --long` says when it has ended, and how many warnings it logged."""
    while time.perf_counter() < deadline:
        try:
            with urllib.request.urlopen(f"http://{address}/report", timeout=5) as reply:
                lines = reply.read().decode().splitlines()
                return ", ".join(line for line in lines if re.match("status|errors|recoverable|warnings", line))
        except OSError:
            time.sleep(0.2)
    sys.exit("cloud-init did not end")


def measure(world, image_name, patience):
    ec2 = world.ec2()
    ec2.create_security_group(GroupName="web", Description="page")
    ec2.authorize_security_group_ingress(GroupName="web", IpProtocol="tcp", FromPort=80, ToPort=80,
                                         CidrIp="0.0.0.0/0")
    seed = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    job = kill_test.Job(world, kill_test.threading.Event())
    kind = "t3.nano" if image_name == "tiny" else "t3.small"
    launch = dict(ImageId=seed, MinCount=1, MaxCount=1, InstanceType=kind, SecurityGroups=["web"],
                  UserData=USER_DATA[image_name])

    began = time.perf_counter()
    answered, reply = milliseconds(lambda: ec2.run_instances(**launch))
    first = reply["Instances"][0]["InstanceId"]
    if image_name == "tiny":  # says on its console when it is through
        while "user-data done" not in ec2.get_console_output(InstanceId=first).get("Output", ""):
            if time.perf_counter() - began > patience:
                sys.exit("user data did not run")
            time.sleep(0.1)
        row("`tiny`: call to user data done", f"{time.perf_counter() - began:.1f} s", "15 s")
    if not job.wait(patience, lambda: job.page(first)):
        sys.exit("the page did not come:\n" + ec2.get_console_output(InstanceId=first).get("Output", "")[-3000:])
    up = time.perf_counter() - began
    row(f"RunInstances of `{image_name}` answers", f"{answered:.0f} ms", "300 ms")
    row(f"`{image_name}`: call to user data's page", f"{up:.1f} s", "" if image_name == "tiny" else "120 s")

    if image_name != "tiny":
        report = cloud_init_report(job.state(first)["PublicIpAddress"], began + patience)
        row("… cloud-init ends after", f"{time.perf_counter() - began:.1f} s", "120 s")
        row("… and reports", report, "status: done, no warning")

    time.sleep(3)
    took, reply = milliseconds(lambda: ec2.create_image(InstanceId=first, Name="live", NoReboot=True))
    began = time.perf_counter()
    if not job.wait(120, lambda: job.image_state(reply["ImageId"]) == "available"):
        sys.exit("the image did not become available")
    row("CreateImage --no-reboot answers", f"{took:.0f} ms", "")
    row("… and is available after", f"{time.perf_counter() - began + took / 1000:.1f} s", "")
    log = pathlib.Path(world.data, "karatd.log").read_text()
    pause = int(re.findall(r"volumes.frozen .*pause_us=(\d+)", log)[-1])
    row("… the running guest stood still for", f"{pause / 1000:.1f} ms", "50 ms")
    ec2.terminate_instances(InstanceIds=[first])
    job.wait(60, lambda: job.state(first)["State"]["Name"] == "terminated")


def measure_calls(world):
    ec2 = world.ec2()
    seed = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    describes = sorted(milliseconds(lambda: ec2.describe_images(ImageIds=[seed]))[0] for _ in range(200))
    row("DescribeImages by id, boto3 included, p50 / p99", f"{describes[99]:.1f} / {describes[197]:.1f} ms", "")
    answers, ids = [], []
    for _ in range(8):
        took, reply = milliseconds(lambda: ec2.run_instances(ImageId=seed, MinCount=1, MaxCount=1,
                                                             InstanceType="t3.nano"))
        answers.append(took)
        ids.append(reply["Instances"][0]["InstanceId"])
    row("RunInstances answers, median / worst of 8", f"{statistics.median(answers):.0f} / {max(answers):.0f} ms", "300 ms")
    ec2.terminate_instances(InstanceIds=ids)
    for size in (1, 1024):
        times = []
        for _ in range(9):
            volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=size, VolumeType="gp3")["VolumeId"]
            began = time.perf_counter()
            while ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["State"] != "available":
                pass
            times.append((time.perf_counter() - began) * 1000)
            ec2.delete_volume(VolumeId=volume)
        row(f"CreateVolume of {size} GiB is available after, median of 9", f"{statistics.median(times):.0f} ms",
            "the same for both")


def measure_idle(world):
    time.sleep(5)
    pid = world.process.pid
    before = cpu_seconds(pid)
    time.sleep(20)
    row("karatd idle: memory", f"{resident_mib(pid):.0f} MiB", "100 MB")
    row("karatd idle: CPU", f"{(cpu_seconds(pid) - before) / 20 * 100:.2f} %", "near zero")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--image", default="tiny", choices=["tiny", "debian-12"])
    options = parser.parse_args(arguments)
    if options.image != "tiny":
        kill_test.TINY = ROOT / f"build/images/{options.image}.raw"
        if not kill_test.TINY.exists():
            subprocess.run([ROOT / "images/build", options.image, kill_test.TINY], check=True, stderr=subprocess.DEVNULL)
        kill_test.SEED_GIB = json.loads((ROOT / f"images/{options.image}/image.json").read_text())["minimum_volume_size_gib"]
    load = os.getloadavg()[0]
    print(f"host: {os.cpu_count()} cores, load {load:.1f} at the start, "
          + subprocess.check_output(["qemu-system-x86_64", "--version"], text=True).splitlines()[0])
    print("| what | measured | bar |\n|---|---|---|")
    world = kill_test.World()
    try:
        measure(world, options.image, 600)
        if options.image == "tiny":
            measure_calls(world)
            measure_idle(world)
    finally:
        world.end()


main()
