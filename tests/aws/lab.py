# SPDX-License-Identifier: Apache-2.0
"""Verbs over a daemon of our own that wait until they are done, and guests that do what they are told: `tiny`,
through a web server that its user data makes. For tests and benchmarks."""
import pathlib
import shutil
import subprocess
import sys
import time
import urllib.request

from karat_daemon import ROOT, Daemon

SEED = ROOT / "build/images/tiny.raw"
USER_DATA = r"""#!/bin/sh
mkdir -p /www/cgi-bin
cat >/www/cgi-bin/run <<'END'
#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n'
head -c "$CONTENT_LENGTH" >/tmp/run.$$
sh /tmp/run.$$ 2>&1
echo "rc=$?"
END
cat >/usr/bin/disk <<'END'
#!/bin/sh
# Waits for the disk with a serial number and prints its device.
for try in $(seq 200); do
    for one in /sys/block/vd*; do
        [ "$(cat "$one/serial" 2>/dev/null)" = "$1" ] && echo "/dev/${one##*/}" && exit 0
    done
    usleep 100000
done
exit 1
END
printf '#!/bin/sh\nhttpd -h /www\n' >/etc/rc.d/50-httpd
chmod +x /www/cgi-bin/run /usr/bin/disk /etc/rc.d/50-httpd
"""


def wait(what, condition, seconds=300):
    deadline = time.time() + seconds
    while time.time() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"gave up waiting for: {what}")


class Lab:
    """Verbs that wait until they are done."""

    def __init__(self, daemon, keys=None):
        self.daemon = daemon
        self.keys = keys or daemon.keys("demo")
        self.ec2 = daemon.client(self.keys)
        self.west = daemon.client(self.keys, "us-west-2")
        self.zone = "us-east-1a"

    def import_seed(self):
        self.daemon.karat("account", "create", "publisher", "--alias", "amazon")
        self.daemon.karat("image", "import", str(SEED), "--account", "publisher", "--format", "raw", "--public",
                          "--name", "tiny", "--root-device-name", "/dev/xvda")
        return self.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]

    def own_copy(self, name="mine"):
        """A snapshot of the seed's disk that the caller may make volumes of."""
        self.daemon.karat("image", "import", str(SEED), "--account", "demo", "--format", "raw", "--name", name,
                          "--root-device-name", "/dev/xvda")
        mine = self.ec2.describe_images(Owners=["self"])["Images"][0]
        return mine["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]

    def instance(self, i):
        return self.ec2.describe_instances(InstanceIds=[i])["Reservations"][0]["Instances"][0]

    def state_is(self, i, state):
        wait(f"{i} {state}", lambda: self.instance(i)["State"]["Name"] == state)

    def launch(self, image):
        i = self.ec2.run_instances(ImageId=image, InstanceType="t3.nano", MinCount=1, MaxCount=1, UserData=USER_DATA,
                                   SecurityGroups=["web"])["Instances"][0]["InstanceId"]
        return i

    def open_web(self):
        group = self.ec2.create_security_group(GroupName="web", Description="web")["GroupId"]
        self.ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=80, ToPort=80,
                                                  CidrIp="0.0.0.0/0")

    def answers(self, i):
        address = self.instance(i).get("PublicIpAddress")
        wait(f"{i} to answer", lambda: self.try_run(address, "true") is not None)

    def try_run(self, address, script):
        try:
            url = f"http://{address}/cgi-bin/run"
            with urllib.request.urlopen(urllib.request.Request(url, data=script.encode()), timeout=60) as reply:
                return reply.read().decode()
        except OSError:
            return None

    def run(self, i, script):
        """What the guest prints; it must succeed."""
        text = self.try_run(self.instance(i)["PublicIpAddress"], "set -e\n" + script)
        assert text is not None and text.endswith("rc=0\n"), f"in {i}: {script}: {text}"
        return text.removesuffix("rc=0\n").strip()

    def volume(self, v):
        return self.ec2.describe_volumes(VolumeIds=[v])["Volumes"][0]

    def volume_is(self, v, state):
        wait(f"{v} {state}", lambda: self.volume(v)["State"] == state)

    def create(self, **how):
        v = self.ec2.create_volume(AvailabilityZone=self.zone, VolumeType="gp3", **how)["VolumeId"]
        self.volume_is(v, "available")
        return v

    def attach(self, v, i, device):
        self.ec2.attach_volume(VolumeId=v, InstanceId=i, Device=device)
        wait(f"{v} attached",
             lambda: [a["State"] for a in self.volume(v)["Attachments"]] == ["attached"])

    def detach(self, v, **how):
        self.ec2.detach_volume(VolumeId=v, **how)
        self.volume_is(v, "available")

    def snapshot_done(self, s):
        def state():
            one = self.ec2.describe_snapshots(SnapshotIds=[s])["Snapshots"][0]
            assert one["State"] != "error", one
            return one["State"] == "completed" and one
        return wait(f"{s} completed", state)

    def snapshot(self, v):
        s = self.ec2.create_snapshot(VolumeId=v)["SnapshotId"]
        self.snapshot_done(s)
        return s

    def overlays(self, v):
        folder = pathlib.Path(self.daemon.data, "volumes", v)
        return sorted(folder.iterdir()) if folder.exists() else []


def serial(v):
    return v.replace("-", "")


def need_guests():
    """Ends the program as skipped where a guest cannot be had; builds the seed image once."""
    for tool in ("qemu-system-x86_64", "nbdkit", "mmdebstrap"):
        if not shutil.which(tool):
            print(f"SKIPPED: {tool} is not installed")
            sys.exit(77)
    if not SEED.exists():
        SEED.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([ROOT / "images/build", "tiny", SEED], check=True)


def run_with_guests(test, *settings):
    """Calls test(daemon, lab) with a daemon of its own that ends with it, well or not; skips as need_guests does."""
    need_guests()
    daemon = Daemon(None, *settings)
    try:
        test(daemon, Lab(daemon))
    finally:
        daemon.stop()
    print("well")
