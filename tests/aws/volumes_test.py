#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Volumes with real guests, from the daemon as it ships: disks that come and go while guests run, grow
under them, and are captured at one instant; what one guest wrote, another reads."""
import os
import pathlib
import time

from lab import Lab, need_guests, serial, wait
from karat_daemon import Daemon

import botocore.exceptions

# Each write is on the disk before the next begins: first A, then B. So at any instant A is B or one more.
WRITER = r"""
A=$(disk {a}); B=$(disk {b})
( n=0; while [ ! -e /tmp/stop ]; do n=$((n + 1))
    printf '%-4096s' $n | dd of=$A bs=4096 oflag=direct conv=notrunc 2>/dev/null
    printf '%-4096s' $n | dd of=$B bs=4096 oflag=direct conv=notrunc 2>/dev/null
  done; echo $n >/tmp/written ) </dev/null >/dev/null 2>&1 &
"""


def step(title, started=[time.time()]):
    now = time.time()
    print(f"{now - started[0]:6.1f} s  {title}", flush=True)


def refused(code, call):
    try:
        call()
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return
    raise AssertionError(f"succeeded, expected {code}")


def hot(lab, one, two):
    """A disk is plugged in, written, captured, grown, pulled out and read elsewhere."""
    data = lab.create(Size=1)
    lab.attach(data, one, "/dev/sdf")
    refused("VolumeInUse", lambda: lab.ec2.attach_volume(VolumeId=data, InstanceId=two, Device="/dev/sdf"))
    checksum = lab.run(one, f"""D=$(disk {serial(data)}); mke2fs $D >/dev/null; mount -t ext4 $D /mnt
        dd if=/dev/urandom of=/mnt/data bs=64k count=64 2>/dev/null; sync; sha256sum </mnt/data""")
    step("a hot disk has a file system")
    snapshot = lab.snapshot(data)
    lab.run(one, "rm /mnt/data; echo later >/mnt/later; sync")
    step("captured while mounted")

    lab.ec2.modify_volume(VolumeId=data, Size=3)
    wait("modification", lambda: lab.ec2.describe_volumes_modifications(
        VolumeIds=[data])["VolumesModifications"][0]["ModificationState"] == "completed")
    size = f"D=$(disk {serial(data)}); for t in 1 2 3 4 5 6 7 8 9; do [ $(cat /sys/block/${{D#/dev/}}/size) = {3 << 21} ] && break; usleep 200000; done; cat /sys/block/${{D#/dev/}}/size"
    assert lab.run(one, size) == str(3 << 21)
    lab.run(one, "umount /mnt; sync")
    step("grown under the guest")
    lab.detach(data, InstanceId=one, Device="/dev/sdf")
    assert lab.run(one, f"grep -l {serial(data)} /sys/block/vd*/serial 2>/dev/null || echo gone") == "gone"
    lab.attach(data, two, "/dev/sdg")
    assert lab.run(two, f"mount -t ext4 $(disk {serial(data)}) /mnt; cat /mnt/later; ls /mnt/data 2>&1 || true; umount /mnt").startswith("later")
    step("detached, and read by another guest")
    copy = lab.create(SnapshotId=snapshot, Size=2)
    lab.attach(copy, two, "/dev/sdh")
    assert lab.run(two, f"D=$(disk {serial(copy)}); mount -t ext4 $D /mnt; sha256sum </mnt/data; umount /mnt") == checksum
    step("a larger volume of the snapshot has the bytes")
    return data, copy, checksum


def one_instant(lab, one, two):
    """Two disks whose writer never stops agree in their snapshots."""
    disks = [lab.create(Size=1), lab.create(Size=1)]
    for v, device in zip(disks, ("/dev/sdi", "/dev/sdj")):
        lab.attach(v, one, device)
    lab.run(one, "rm -f /tmp/stop" + WRITER.format(a=serial(disks[0]), b=serial(disks[1])))
    root = [v["VolumeId"] for v in lab.ec2.describe_volumes(Filters=[
        {"Name": "attachment.instance-id", "Values": [one]},
        {"Name": "attachment.device", "Values": ["/dev/xvda"]}])["Volumes"]]
    sets = []
    for _ in range(3):
        time.sleep(0.5)
        made = lab.ec2.create_snapshots(InstanceSpecification={"InstanceId": one, "ExcludeBootVolume": True})["Snapshots"]
        assert sorted(s["VolumeId"] for s in made) == sorted(disks) and root[0] not in [s["VolumeId"] for s in made]
        for s in made:
            lab.snapshot_done(s["SnapshotId"])
        sets.append({s["VolumeId"]: s["SnapshotId"] for s in made})
    lab.run(one, "touch /tmp/stop; while [ ! -e /tmp/written ]; do usleep 100000; done; sync")
    last = int(lab.run(one, "cat /tmp/written"))
    counters = []
    for made in sets:
        pair = []
        for v in disks:
            clone = lab.create(SnapshotId=made[v])
            lab.attach(clone, two, "/dev/sdk")
            pair.append(int(lab.run(two, f"dd if=$(disk {serial(clone)}) bs=4096 count=1 2>/dev/null")))
            lab.detach(clone)
            lab.ec2.delete_volume(VolumeId=clone)
        counters.append(pair)
    print("       counters", counters, "of", last)
    for a, b in counters:
        assert a - b in (0, 1), counters
    assert 0 < counters[0][0] < counters[1][0] < counters[2][0] <= last, counters
    for v in disks:
        lab.detach(v)
    step("two disks agree at each of three instants")
    return disks


def after_kill(lab, one, two, v):
    """QEMU is killed; what the guest had flushed is in a snapshot made afterwards."""
    lab.attach(v, one, "/dev/sdf")
    checksum = lab.run(one, f"""D=$(disk {serial(v)}); dd if=/dev/urandom of=$D bs=64k count=32 seek=5 conv=fsync 2>/dev/null
        dd if=$D bs=64k count=32 skip=5 2>/dev/null | sha256sum""")
    pid = int(pathlib.Path(lab.daemon.data, "run/machines", one, "qemu.pid").read_text())
    os.kill(pid, 9)
    lab.state_is(one, "stopped")
    snapshot = lab.snapshot(v)
    clone = lab.create(SnapshotId=snapshot)
    lab.attach(clone, two, "/dev/sdl")
    assert lab.run(two, f"dd if=$(disk {serial(clone)}) bs=64k count=32 skip=5 2>/dev/null | sha256sum") == checksum
    step("captured after QEMU was killed")
    lab.ec2.start_instances(InstanceIds=[one])
    lab.state_is(one, "running")
    lab.answers(one)
    assert lab.run(one, f"dd if=$(disk {serial(v)}) bs=64k count=32 skip=5 2>/dev/null | sha256sum") == checksum
    step("started again with the disk")
    lab.detach(v)
    lab.detach(clone)
    return snapshot, checksum


def by_force(lab, one, v, checksum):
    """A guest that holds its disk loses it, sees errors, and lives on."""
    lab.attach(v, one, "/dev/sdm")
    lab.run(one, f"(sleep 600 <$(disk {serial(v)})) >/dev/null 2>&1 &")
    lab.detach(v, Force=True)
    assert lab.run(one, "echo alive") == "alive"
    step("taken by force")


def chains(lab, two, v, checksum):
    """A volume that grew while detached has a long chain, which is shortened; the bytes stay."""
    assert lab.overlays(v)
    size = lab.volume(v)["Size"]
    longest = 0
    for more in range(1, 5):
        lab.ec2.modify_volume(VolumeId=v, Size=size + more)
        wait("modification", lambda: lab.ec2.describe_volumes_modifications(
            VolumeIds=[v])["VolumesModifications"][0]["ModificationState"] == "completed")
        longest = max(longest, len(lab.overlays(v)))
    refused("VolumeModificationRateExceeded", lambda: lab.ec2.modify_volume(VolumeId=v, Size=size + 9))
    wait("a short chain", lambda: len(lab.overlays(v)) <= 2)
    before = len(lab.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"])
    lab.attach(v, two, "/dev/sdn")
    read = f"dd if=$(disk {serial(v)}) bs=64k count=32 skip=5 2>/dev/null | sha256sum"
    assert lab.run(two, read) == checksum
    assert lab.run(two, f"D=$(disk {serial(v)}); cat /sys/block/${{D#/dev/}}/size") == str((size + 4) << 21)
    assert len(lab.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]) == before
    lab.detach(v)
    step(f"a chain of {longest} was shortened to {len(lab.overlays(v))}")


def copies(lab, two, v, snapshot, checksum):
    """CopyVolumes makes no snapshot that is seen; CopySnapshot goes to another region."""
    seen = {s["SnapshotId"] for s in lab.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]}
    read = "dd if=$(disk {0}) bs=64k count=32 skip=5 2>/dev/null | sha256sum"
    # Older SDKs do not know CopyVolumes: the request is signed by hand through one that they know.
    clone = copy_volume(lab, v)
    lab.volume_is(clone, "available")
    lab.attach(clone, two, "/dev/sdo")
    assert lab.run(two, read.format(serial(clone))) == checksum
    lab.detach(clone)
    assert {s["SnapshotId"] for s in lab.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]} == seen
    step("copied without a snapshot")
    there = lab.west.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=snapshot, Description="west")["SnapshotId"]
    wait("copy", lambda: lab.west.describe_snapshots(SnapshotIds=[there])["Snapshots"][0]["State"] == "completed")
    west = lab.west.create_volume(AvailabilityZone="us-west-2a", SnapshotId=there, VolumeType="gp3")["VolumeId"]
    wait("volume", lambda: lab.west.describe_volumes(VolumeIds=[west])["Volumes"][0]["State"] == "available")
    lab.west.delete_volume(VolumeId=west)
    lab.west.delete_snapshot(SnapshotId=there)
    step("copied to another region")


def copy_volume(lab, v):
    if hasattr(lab.ec2, "copy_volumes"):
        return lab.ec2.copy_volumes(SourceVolumeId=v)["Volumes"][0]["VolumeId"]
    def rename(params, **_):
        params["body"] = {"Action": "CopyVolumes", "Version": "2016-11-15", "SourceVolumeId": v}
    found = []
    def note(http_response, **_):
        text = http_response.text
        found.append(text[text.index("<volumeId>") + 10:text.index("</volumeId>")])
    events = lab.ec2.meta.events
    events.register("before-call.ec2.DeleteVolume", rename)
    events.register("after-call.ec2.DeleteVolume", note)
    try:
        lab.ec2.delete_volume(VolumeId=v)
    finally:
        events.unregister("before-call.ec2.DeleteVolume", rename)
        events.unregister("after-call.ec2.DeleteVolume", note)
    return found[0]


def itself(lab, i):
    """What the API says of an instance is what its guest finds."""
    shown = lab.instance(i)
    name, address, options = shown["PrivateDnsName"], shown["PrivateIpAddress"], shown["CpuOptions"]
    assert lab.run(i, "imds meta-data/local-hostname") == name
    assert lab.run(i, f"nslookup {name}").split("Name:")[1].split()[-1] == address
    assert name in lab.run(i, f"nslookup {address}")
    assert lab.run(i, "grep ^search /etc/resolv.conf") == "search " + name.split(".", 1)[1]
    assert lab.run(i, "nproc") == str(options["CoreCount"] * options["ThreadsPerCore"])
    siblings = lab.run(i, "cat /sys/devices/system/cpu/cpu0/topology/thread_siblings_list")
    # Linux finds the threads of AMD's processors, as TCG's is, by `topoext` only, which TCG has not.
    finds = lab.run(i, "grep -c 'GenuineIntel\\|topoext' /proc/cpuinfo || true") != "0"
    assert siblings == ("0-1" if finds and options["ThreadsPerCore"] == 2 else "0"), siblings
    step("a guest resolves its name, and has the threads of its type")


def run(daemon):
    lab = Lab(daemon)
    image = lab.import_seed()
    lab.open_web()
    one, two = lab.launch(image), lab.launch(image)
    for i in (one, two):
        lab.state_is(i, "running")
        lab.answers(i)
    step("two guests answer")
    itself(lab, one)
    data, copy, _ = hot(lab, one, two)
    disks = one_instant(lab, one, two)
    snapshot, checksum = after_kill(lab, one, two, disks[0])
    copies(lab, two, disks[0], snapshot, checksum)
    by_force(lab, one, disks[0], checksum)
    chains(lab, two, disks[0], checksum)
    for v in (data, copy):
        lab.detach(v)
    lab.ec2.terminate_instances(InstanceIds=[one, two])
    for i in (one, two):
        lab.state_is(i, "terminated")
    # Those of the instances are being deleted already.
    left = lab.ec2.describe_volumes(Filters=[{"Name": "status", "Values": ["available"]}])
    for v in left["Volumes"]:
        lab.ec2.delete_volume(VolumeId=v["VolumeId"])
    wait("no volumes", lambda: not lab.ec2.describe_volumes()["Volumes"])
    wait("no files", lambda: not list(pathlib.Path(daemon.data, "volumes").iterdir()))
    print(daemon.karat("store", "check").stdout.strip())
    step("nothing is left behind")


def main():
    need_guests()
    daemon = Daemon()
    failed = True
    try:
        run(daemon)
        failed = False
    finally:
        if failed:
            print("--- the daemon's last lines\n" + "\n".join(pathlib.Path(daemon.data, "karatd.log").read_text().splitlines()[-40:]))
        daemon.stop()


if __name__ == "__main__":
    main()
