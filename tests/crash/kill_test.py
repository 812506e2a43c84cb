#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of karatd, karat-blk and QEMU at random points of the main job, then a restart. Nothing that
was acknowledged may be lost or wrong, and nothing may stay behind. `kill_test.py ROUNDS SEED`."""
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "aws"))
from karat_daemon import ROOT, Daemon  # noqa: E402  beside the other tests that need one

TINY = ROOT / "build/images/tiny.raw"
SEED_GIB = 1
PAGE = "baked by Karat"
USER_DATA = f"""#!/bin/sh
mkdir -p /www
echo "{PAGE}" >/www/index.html
printf '#!/bin/sh\\nhttpd -h /www\\n' >/etc/rc.d/50-httpd
chmod +x /etc/rc.d/50-httpd
"""

try:
    import boto3
    import botocore.config
    import botocore.exceptions
except ImportError:
    print("SKIPPED: python3-boto3 is not installed")
    sys.exit(77)


class World(Daemon):
    """A daemon of our own that can be killed and started again, an image to launch, and an account that may."""

    def __init__(self):
        super().__init__(None, "shutdown_timeout_seconds=20", "accelerator=tcg")
        self.karat("account", "create", "publisher", "--alias", "amazon")
        self.karat("image", "import", str(TINY), "--account", "publisher", "--format", "raw", "--public",
                   "--name", "tiny", "--size", str(SEED_GIB))
        self.caller = self.keys("demo")

    def ec2(self):
        return boto3.client("ec2", region_name="us-east-1", endpoint_url=self.endpoint,
                            aws_access_key_id=self.caller[0], aws_secret_access_key=self.caller[1],
                            config=botocore.config.Config(retries={"max_attempts": 0}, read_timeout=20,
                                                          connect_timeout=5))

    def pids(self, pattern):
        """Processes that carry our data directory and the pattern in their command line."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if self.data in line and re.search(pattern, line):
                found.append(int(entry.name))
        return found

    def kill_one(self, pattern):
        pids = self.pids(pattern)
        if pids:
            os.kill(random.choice(pids), signal.SIGKILL)
        return bool(pids)

    def end(self):
        self.process.kill()
        self.process.wait()
        for pid in self.pids("qemu-system|karat-net|nbdkit"):
            os.kill(pid, signal.SIGKILL)
        subprocess.run(["rm", "-rf", self.data], check=True)


class Job:
    """Walks through the main job again and again, tolerating what a kill does to a call in flight,
    and remembers what was acknowledged."""

    def __init__(self, world, stop):
        self.world, self.stop = world, stop
        self.images = {}      # image id -> snapshot id, acknowledged as available
        self.page_images = set()

    def call(self, name, **parameters):
        """One call; None when the daemon was killed under it."""
        for _ in range(100):
            try:
                return getattr(self.world.ec2(), name)(**parameters)
            except (botocore.exceptions.EndpointConnectionError, botocore.exceptions.ConnectionClosedError,
                    botocore.exceptions.ReadTimeoutError, botocore.exceptions.HTTPClientError):
                time.sleep(0.1)
        return None

    def state(self, instance):
        reply = self.call("describe_instances", InstanceIds=[instance])
        return reply["Reservations"][0]["Instances"][0] if reply else {"State": {"Name": "?"}}

    def wait(self, seconds, condition):
        deadline = time.time() + seconds
        while time.time() < deadline and not self.stop.is_set():
            if condition():
                return True
            time.sleep(0.2)
        return False

    def page(self, instance):
        address = self.state(instance).get("PublicIpAddress")
        try:
            with urllib.request.urlopen(f"http://{address}/", timeout=3) as reply:
                return PAGE in reply.read().decode()
        except OSError:
            return False

    def launch(self, image, **more):
        token = f"{random.random()}"
        reply = self.call("run_instances", ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.nano",
                          ClientToken=token, SecurityGroups=["web"], **more)
        return reply["Instances"][0]["InstanceId"] if reply else None

    def round(self, seed_image, number):
        instance = self.launch(seed_image, UserData=USER_DATA)
        if not instance or not self.wait(60, lambda: self.page(instance)):
            return self.away(instance)
        time.sleep(2)  # let the guest write its page to the disk: a crash of QEMU is a power cut to it
        name = f"v{number}-{random.randrange(1 << 30)}"
        try:
            reply = self.call("create_image", InstanceId=instance, Name=name, NoReboot=random.random() < 0.7)
            image = reply["ImageId"] if reply else None
        except botocore.exceptions.ClientError:
            image = None  # the kill hit the machine, or the repeated call found its own name taken
        if image and self.wait(60, lambda: self.image_state(image) in ("available", "failed")):
            self.note(image)
        self.away(instance)

    def image_state(self, image):
        reply = self.call("describe_images", ImageIds=[image])
        return reply["Images"][0]["State"] if reply and reply["Images"] else "?"

    def note(self, image):
        found = self.call("describe_images", ImageIds=[image])["Images"][0]
        if found["State"] == "available":
            self.images[image] = found["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]

    def away(self, instance):
        if instance:
            self.call("terminate_instances", InstanceIds=[instance])

    def run(self, seed_image):
        number = 0
        while not self.stop.is_set():
            number += 1
            try:
                self.round(seed_image, number)
            except botocore.exceptions.ClientError as error:
                print("  call refused:", error, flush=True)


def check(world, job):
    """After the last restart: every acknowledged image is there, whole, and boots to its page."""
    ec2 = world.ec2()
    for image, snapshot in job.images.items():
        found = ec2.describe_images(ImageIds=[image])["Images"][0]
        assert found["State"] == "available", found
        assert ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["State"] == "completed"
    report = json.loads(world.karat("--json", "store", "check").stdout)
    assert report["damage"] == [], report
    job.stop.clear()
    for image in list(job.images)[-2:]:
        instance = job.launch(image)
        assert job.wait(90, lambda: job.page(instance)), f"{image} does not serve its page"
    instances = [i["InstanceId"] for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]
                 if i["State"]["Name"] != "terminated"]
    if instances:
        ec2.terminate_instances(InstanceIds=instances)
    gone = job.wait(60, lambda: all(i["State"]["Name"] == "terminated" for r in ec2.describe_instances()["Reservations"]
                                    for i in r["Instances"]))
    assert gone, "instances do not terminate"
    time.sleep(1)
    assert not world.pids("qemu-system|karat-net"), "a process stayed"
    volumes = list(pathlib.Path(world.data, "volumes").iterdir())
    assert not volumes, f"overlays stayed: {volumes}"
    assert len(list(pathlib.Path(world.data, "store/manifests").iterdir())) >= len(job.images)


def main():
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
    if not TINY.exists():
        print(f"SKIPPED: {TINY} is not built; run ./dev test or images/build tiny")
        sys.exit(77)
    random.seed(seed)
    print(f"seed {seed}, {kills} kills", flush=True)
    world = World()
    try:
        ec2 = world.ec2()
        ec2.create_security_group(GroupName="web", Description="page")
        ec2.authorize_security_group_ingress(GroupName="web", IpProtocol="tcp", FromPort=80, ToPort=80,
                                             CidrIp="0.0.0.0/0")
        seed_image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        stop = threading.Event()
        job = Job(world, stop)
        worker = threading.Thread(target=job.run, args=(seed_image,), daemon=True)
        worker.start()
        for number in range(kills):
            time.sleep(random.uniform(0.5, 18))
            victim = random.choice(["karatd", "karatd", "karatd", "karat-blk", "qemu"])
            if victim == "karatd":
                world.restart(signal.SIGKILL)
            else:
                world.kill_one("nbdkit" if victim == "karat-blk" else "qemu-system")
            print(f"  {number + 1}: killed {victim}; {len(job.images)} images acknowledged", flush=True)
        # A test in which nothing was acknowledged would prove nothing.
        deadline = time.time() + 180
        while len(job.images) < 2 and time.time() < deadline:
            time.sleep(1)
        stop.set()
        worker.join(90)
        assert not worker.is_alive(), "the job hangs"
        assert len(job.images) >= 2, "no image was acknowledged between the kills"
        world.restart(signal.SIGKILL)
        check(world, job)
        print(f"ok: {kills} kills, {len(job.images)} acknowledged images all there")
    except BaseException:
        print(pathlib.Path(world.data, "karatd.log").read_text()[-6000:])
        raise
    finally:
        world.end()


if __name__ == "__main__":
    main()
