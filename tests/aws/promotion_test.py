#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The host cache with a real guest: its snapshot becomes a whole file, the running guest is moved onto it and reads the same
bytes from there, also while karat-blk is killed and after the daemon was; what comes later (snapshot, stop, start) works as
without. Takes some minutes: the first two of a guest's life are recorded, and only then is the rest fetched."""
import os
import pathlib
import signal

from lab import run_with_guests, wait

# Past the guest's page cache, so that the disk is read each time.
READ_ALL = "echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/vda bs=1M 2>/dev/null | sha256sum; cat /root/mark"


def promoted(daemon):
    return pathlib.Path(daemon.data, "karatd.log").read_text().count("volume.promoted")


def reads_file(daemon, i, snapshot):
    """Whether the guest's QEMU has the cache's file open."""
    pid = pathlib.Path(daemon.data, "run/machines", i, "qemu.pid").read_text().strip()
    file = pathlib.Path(daemon.data, "cache", f"{snapshot}.raw").resolve()
    return any(os.path.realpath(one) == str(file) for one in pathlib.Path("/proc", pid, "fd").iterdir())


def test(daemon, lab):
    image = lab.import_seed()
    snapshot = lab.ec2.describe_images(ImageIds=[image])["Images"][0]["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    lab.open_web()
    i = lab.launch(image)
    lab.state_is(i, "running")
    lab.answers(i)
    lab.run(i, "mount -o remount,rw / 2>/dev/null; echo mark >/root/mark; sync")
    before = lab.run(i, READ_ALL)
    assert not reads_file(daemon, i, snapshot)
    wait("the guest to be moved", lambda: promoted(daemon), 400)
    assert reads_file(daemon, i, snapshot)
    assert f"{snapshot}\twhole" in daemon.karat("store", "cache").stdout, daemon.karat("store", "cache").stdout
    assert lab.run(i, READ_ALL).splitlines()[-1] == "mark"

    os.kill(int(pathlib.Path(daemon.data, "run/blk.pid").read_text()), signal.SIGKILL)
    after = lab.run(i, READ_ALL)
    assert before.splitlines()[-1] == after.splitlines()[-1] == "mark", (before, after)
    daemon.restart(signal=9)
    lab = Lab(daemon, lab.keys)
    assert lab.run(i, READ_ALL).endswith("mark")

    second = lab.launch(image)
    lab.state_is(second, "running")
    assert reads_file(daemon, second, snapshot), "a new guest begins with the file"
    lab.answers(second)
    volume = lab.instance(i)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    lab.snapshot(volume)
    assert lab.run(i, READ_ALL).endswith("mark")
    lab.ec2.stop_instances(InstanceIds=[i])
    lab.state_is(i, "stopped")
    lab.ec2.start_instances(InstanceIds=[i])
    lab.state_is(i, "running")
    lab.answers(i)
    assert lab.run(i, READ_ALL).endswith("mark")
    lab.ec2.terminate_instances(InstanceIds=[i, second])
    assert "damage\t[]" in daemon.karat("store", "check").stdout


run_with_guests(test, "accelerator=tcg", "cache_mib=4096")
