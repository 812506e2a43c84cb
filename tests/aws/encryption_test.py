#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Encryption with boto3, real guests and real files: an encrypted copy of `tiny` boots; its bytes are not to be found
in the store, those of the plain one are; without the key file everything says so, and with it again all is well."""
import os
import pathlib
import stat

from lab import run_with_guests, wait

import botocore.exceptions

MARKER = os.urandom(4096)  # does not compress, so that a plain pack holds it as it is


def in_packs(data):
    return any(MARKER in pack.read_bytes() for pack in pathlib.Path(data, "store/packs").glob("*.pack"))


def refused(code, call):
    try:
        call()
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return str(error)
    raise AssertionError(f"succeeded, expected {code}")


def marked_disk(daemon, name, *words):
    """Imports a disk that holds the marker and returns its snapshot."""
    path = pathlib.Path(daemon.data, f"{name}.raw")
    path.write_bytes(os.urandom(1 << 20) + MARKER + os.urandom((1 << 20) - len(MARKER)) + bytes(2 << 20))
    out = daemon.karat("image", "import", str(path), "--account", "demo", "--format", "raw", "--name", name, *words)
    return [line.split("\t")[1] for line in out.stdout.splitlines() if line.startswith("snapshot")][0]


def store_tells_nothing(daemon, lab):
    sealed = marked_disk(daemon, "sealed", "--encrypted", "--encryption-key", "alias/web")
    assert not in_packs(daemon.data), "an encrypted disk lies in the store in the clear"
    one = lab.ec2.describe_snapshots(SnapshotIds=[sealed])["Snapshots"][0]
    assert one["Encrypted"] and one["KmsKeyId"].startswith("arn:aws:kms:us-east-1:"), one
    marked_disk(daemon, "plain")
    assert in_packs(daemon.data), "the marker of a plain disk is not found: the test looks in the wrong place"
    path = pathlib.Path(daemon.data, "out.raw")
    daemon.karat("image", "export", sealed, str(path))
    assert MARKER in path.read_bytes(), "an export of an encrypted disk has other bytes"
    return sealed


def launch_state(lab, image):
    """What becomes of a launch: its state and reason."""
    i = lab.ec2.run_instances(ImageId=image, InstanceType="t3.nano", MinCount=1, MaxCount=1)
    i = i["Instances"][0]["InstanceId"]
    wait(f"{i} to leave pending", lambda: lab.instance(i)["State"]["Name"] not in ("pending", "shutting-down"))
    return i, lab.instance(i)["State"]["Name"], lab.instance(i).get("StateReason", {})


def test(daemon, lab):
    tiny = lab.own_copy()
    daemon.karat("encryption-key", "create", "--account", "demo", "--alias", "alias/web")
    listed = daemon.karat("encryption-key", "list", "--account", "demo").stdout.split("\t")
    assert listed[1:3] == ["alias/web", "enabled"], listed
    keys = pathlib.Path(daemon.data, "encryption-keys")
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    sealed = store_tells_nothing(daemon, lab)

    copy = lab.ec2.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=tiny, Encrypted=True,
                                 KmsKeyId="alias/web")["SnapshotId"]
    lab.snapshot_done(copy)
    image = lab.ec2.register_image(
        Name="sealed-tiny", Architecture="x86_64", VirtualizationType="hvm", RootDeviceName="/dev/xvda",
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": copy}}])["ImageId"]
    lab.open_web()
    i = lab.launch(image)
    lab.state_is(i, "running")
    lab.answers(i)
    volume = lab.ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [i]}])["Volumes"][0]
    assert volume["Encrypted"] and volume["KmsKeyId"] == lab.ec2.describe_snapshots(
        SnapshotIds=[copy])["Snapshots"][0]["KmsKeyId"], volume
    lab.ec2.terminate_instances(InstanceIds=[i])

    backup = keys.with_suffix(".backup")
    keys.rename(backup)
    message = refused("CustomerKeyHasBeenRevoked", lambda: lab.ec2.run_instances(
        ImageId=image, InstanceType="t3.nano", MinCount=1, MaxCount=1))
    assert "put it back from its backup" in message, message
    message = refused("CustomerKeyHasBeenRevoked", lambda: lab.ec2.create_volume(
        AvailabilityZone="us-east-1a", Size=1, Encrypted=True))
    assert "put it back from its backup" in message, message
    failed = daemon.karat("image", "export", sealed, f"{daemon.data}/no.raw", check=False)
    assert failed.returncode == 1 and "is not in the key file" in failed.stderr, failed
    check = daemon.karat("store", "check")
    assert "only_checksummed\t0" not in check.stdout and "damage\t[]" in check.stdout, check.stdout
    backup.rename(keys)
    i, state, reason = launch_state(lab, image)
    assert state == "running", (state, reason)
    lab.ec2.terminate_instances(InstanceIds=[i])
    assert "only_checksummed\t0" in daemon.karat("store", "check").stdout
    material = keys.read_text().splitlines()[1].split(" ")[6]
    for log in [pathlib.Path(daemon.data, "karatd.log"), pathlib.Path(daemon.data, "run/blk.log")]:
        assert material not in log.read_text(), f"{log} tells a key"


run_with_guests(test)
