#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A whole daemon on a disk that fills: what takes room is refused at the call and told why, a guest whose write finds no room
stands still and is reported so, and at 100 % the daemon starts, deletes, collects and goes on, as does the guest. On a tmpfs
in a mount namespace of its own; a missing privilege to make one is skipped, aloud."""
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from botocore.exceptions import ClientError

from karat_daemon import Daemon
from lab import Lab, need_guests, wait

MIB = 1 << 20
DISK_MIB = 160
KEEP_FREE_MIB = 16


def free(data):
    facts = os.statvfs(data)
    return facts.f_bavail * facts.f_frsize


def refusal(call, **words):
    try:
        call(**words)
    except ClientError as problem:
        return problem.response["Error"]["Code"], problem.response["Error"]["Message"]
    return "", "it was not refused"


def import_noise(daemon, mebibytes, name, check=True):
    with tempfile.NamedTemporaryFile(suffix=".raw") as disk:
        disk.write(os.urandom(mebibytes * MIB))
        disk.flush()
        return daemon.karat("image", "import", disk.name, "--format", "raw", "--name", name, "--account", "demo", check=check)


def fill(path, leave):
    """A file that leaves so many bytes of the disk."""
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                room = free(path.parent) - leave
                if room <= 0:
                    return
                file.write(os.urandom(min(room, MIB)))
        except OSError:
            pass  # to the last byte


def retried(call, **words):
    """A change of the catalog that meets the full disk gives up a part of the reserve, and goes through at a later try."""
    for _ in range(6):
        try:
            return call(**words)
        except ClientError as problem:
            assert problem.response["ResponseMetadata"]["HTTPStatusCode"] == 503, problem
    raise AssertionError("the reserve did not help")


def refused_below_the_floor(lab, image, volume):
    """Refused at the call, in EC2's codes, with a sentence that says what to free."""
    ec2, before = lab.ec2, len(lab.ec2.describe_instances()["Reservations"])
    for code, call, words in (
            ("InsufficientInstanceCapacity", ec2.run_instances, dict(ImageId=image, MinCount=1, MaxCount=1)),
            ("InsufficientVolumeCapacity", ec2.create_volume, dict(AvailabilityZone=lab.zone, Size=1)),
            ("InsufficientVolumeCapacity", ec2.create_snapshot, dict(VolumeId=volume))):
        found, message = refusal(call, **words)
        assert found == code and "delete snapshots" in message and "/" not in message, (found, message)
    done = import_noise(lab.daemon, 1, "refused", check=False)
    assert done.returncode == 1 and "disk is full" in done.stderr, done
    assert len(ec2.describe_instances()["Reservations"]) == before


def health(lab, i):
    one = lab.ec2.describe_instance_status(InstanceIds=[i])["InstanceStatuses"][0]
    return one["InstanceStatus"]["Status"]


def test(daemon, lab):
    data = pathlib.Path(daemon.data)
    image = lab.import_seed()
    lab.open_web()
    i = lab.launch(image)
    lab.answers(i)
    for n in range(2):
        import_noise(daemon, 14, f"noise-{n}")
    volume = lab.instance(i)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    failed = import_noise(daemon, 120, "too-big", check=False)  # garbage in a pack with live data
    assert failed.returncode == 1 and "No space left on device" in failed.stderr, failed.stderr
    fill(data / "filler", KEEP_FREE_MIB * MIB // 2)
    refused_below_the_floor(lab, image, volume)

    lab.run(i, "(sleep 1; dd if=/dev/urandom of=/root/more bs=1M count=24; sync) >/dev/null 2>&1 &")
    wait("the guest to stand still", lambda: health(lab, i) == "impaired", 60)
    fill(data / "filler-2", 0)
    assert free(data) < 4096, free(data)
    for signal in (9, 15):
        daemon.restart(signal)
        lab.ec2 = daemon.client(lab.keys)
        wait("the guest to be found still", lambda: health(lab, i) == "impaired", 20)
    assert "1 guests stand still" in daemon.karat("status").stdout, daemon.karat("status").stdout

    noise = [one for one in lab.ec2.describe_images(Owners=["self"])["Images"] if one["Name"] == "noise-0"][0]
    retried(lab.ec2.deregister_image, ImageId=noise["ImageId"])
    retried(lab.ec2.delete_snapshot, SnapshotId=noise["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"])
    for _ in range(3):
        if daemon.karat("store", "gc", check=False).returncode == 0:
            break
    assert free(data) > 30 * MIB or health(lab, i) == "ok", free(data)
    wait("the guest to go on", lambda: health(lab, i) == "ok", 30)
    lab.run(i, "sync; ls -l /root/more")
    checked = daemon.karat("store", "check", check=False)
    assert checked.returncode == 0 and "damage\t[]" in checked.stdout, checked
    for filler in data.glob("filler*"):
        filler.unlink()
    second = lab.launch(image)
    lab.state_is(second, "running")
    import_noise(daemon, 4, "after")
    lab.ec2.terminate_instances(InstanceIds=[i, second])
    for one in (i, second):
        lab.state_is(one, "terminated")


def on_a_small_disk():
    with tempfile.TemporaryDirectory(prefix="karat-full-") as place:
        data = f"{place}/data"
        os.mkdir(data)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "karat-test", data], check=True)
        daemon = Daemon(data, "accelerator=tcg", f"keep_free_mib={KEEP_FREE_MIB}")
        began = time.monotonic()
        try:
            test(daemon, Lab(daemon))
        except BaseException:
            print(pathlib.Path(data, "karatd.log").read_text()[-6000:], file=sys.stderr)
            raise
        finally:
            try:
                daemon.stop()
            finally:
                subprocess.run(["umount", "--lazy", data], check=True)
    print(f"well, in {time.monotonic() - began:.0f} s")


def main():
    need_guests()
    if sys.argv[1:] == ["on-a-small-disk"]:
        return on_a_small_disk()
    if subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL).returncode != 0:
        print("SKIPPED: no privilege to make a small disk in a mount namespace")
        sys.exit(77)
    sys.exit(subprocess.run(["unshare", "--mount", sys.executable, __file__, "on-a-small-disk"]).returncode)


main()
