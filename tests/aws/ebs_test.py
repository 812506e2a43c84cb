#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""EBS direct with real clients (boto3, aws), from the daemon as it ships: an image's disk is put block by block, registered
and boots; what is put, captured or imported reads back block by block as its export holds it; blocks outlive kill -9; what
is wrong is refused by name. The guest part is left out where no guest can run."""
import base64
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from karat_daemon import RELEASE, Daemon

try:
    import boto3
    import botocore.config
    import botocore.exceptions
except ImportError:
    print("SKIPPED: python3-boto3 is not installed")
    sys.exit(77)

import lab as labs

BLOCK = 512 << 10


def step(title, started=[time.time()]):
    print(f"{time.time() - started[0]:6.1f} s  {title}", flush=True)


def digest(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


class Direct:
    """Block by block, as backup tools do it: some workers, a checksum a block and one of them all."""

    def __init__(self, daemon, keys):
        self.daemon, self.keys = daemon, keys
        self.ebs = boto3.client("ebs", region_name="us-east-1", endpoint_url=daemon.endpoint,
                                aws_access_key_id=keys[0], aws_secret_access_key=keys[1],
                                config=botocore.config.Config(retries={"max_attempts": 0}, max_pool_connections=8))
        self.ec2 = daemon.client(keys)

    def put(self, snapshot, index, data, **also):
        return self.ebs.put_snapshot_block(**{
            "SnapshotId": snapshot, "BlockIndex": index, "BlockData": data, "DataLength": len(data),
            "Checksum": digest(data), "ChecksumAlgorithm": "SHA256", **also})

    def put_all(self, snapshot, blocks):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda one: self.put(snapshot, *one), blocks.items()))

    def complete(self, snapshot, blocks):
        sums = b"".join(hashlib.sha256(blocks[i]).digest() for i in sorted(blocks))
        status = self.ebs.complete_snapshot(
            SnapshotId=snapshot, ChangedBlocksCount=len(blocks), Checksum=digest(sums), ChecksumAlgorithm="SHA256",
            ChecksumAggregationMethod="LINEAR")["Status"]
        assert status in ("pending", "completed"), status
        self.ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot],
                                                       WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    def write(self, blocks, **how):
        snapshot = self.ebs.start_snapshot(**how)["SnapshotId"]
        self.put_all(snapshot, blocks)
        self.complete(snapshot, blocks)
        return snapshot

    def tokens(self, snapshot, page=100):
        found, token = {}, {}
        while True:
            reply = self.ebs.list_snapshot_blocks(SnapshotId=snapshot, MaxResults=page, **token)
            assert reply["BlockSize"] == BLOCK
            found.update((one["BlockIndex"], one["BlockToken"]) for one in reply["Blocks"])
            if not reply.get("NextToken"):
                return found
            token = {"NextToken": reply["NextToken"]}

    def changed(self, first, second):
        found, token = {}, {}
        while True:
            reply = self.ebs.list_changed_blocks(FirstSnapshotId=first, SecondSnapshotId=second, **token)
            found.update((one["BlockIndex"], ("FirstBlockToken" in one, "SecondBlockToken" in one))
                         for one in reply["ChangedBlocks"])
            if not reply.get("NextToken"):
                return found
            token = {"NextToken": reply["NextToken"]}

    def get(self, snapshot, index, token):
        reply = self.ebs.get_snapshot_block(SnapshotId=snapshot, BlockIndex=index, BlockToken=token)
        data = reply["BlockData"].read()
        assert reply["DataLength"] == len(data) == BLOCK and reply["Checksum"] == digest(data)
        return data

    def read_into(self, snapshot, path, size):
        """The whole snapshot as a raw disk."""
        tokens = self.tokens(snapshot)
        with open(path, "wb") as out:
            out.truncate(size)
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                for index, data in pool.map(lambda one: (one[0], self.get(snapshot, *one)), tokens.items()):
                    out.seek(index * BLOCK)
                    out.write(data)
        return tokens


def refused(code, reason, call):
    try:
        call()
    except botocore.exceptions.ClientError as error:
        got = (error.response["Error"]["Code"], error.response.get("Reason"))
        assert got == (code, reason), f"expected {code} {reason}, got {got}: {error}"
        assert len(error.response["Error"]["Message"]) > 5, error.response
        return
    raise AssertionError(f"succeeded, expected {code} {reason}")


def blocks_of(path):
    """The blocks of a raw disk that are not all zeroes."""
    found = {}
    with open(path, "rb") as disk:
        for index in range((os.path.getsize(path) + BLOCK - 1) // BLOCK):
            data = disk.read(BLOCK).ljust(BLOCK, b"\0")
            if data.strip(b"\0"):
                found[index] = data
    return found


def same(one, other):
    return subprocess.run(["qemu-img", "compare", "-f", "raw", "-F", "raw", one, other],
                          capture_output=True).returncode == 0


def writes_and_reads(direct, daemon, folder):
    """In any order, over a parent, with a block of zeroes, across kill -9; and back."""
    blocks = {i: os.urandom(4096) + b"karat" * 100 + bytes(BLOCK - 4596) for i in (0, 7, 1000, 2047)}
    blocks[3] = bytes(BLOCK)
    started = direct.ebs.start_snapshot(VolumeSize=1, Description="one", Timeout=10,
                                        Tags=[{"Key": "Name", "Value": "one"}], ClientToken="once")
    one = started["SnapshotId"]
    assert started["Status"] == "pending" and started["BlockSize"] == BLOCK and started["VolumeSize"] == 1
    assert direct.ebs.start_snapshot(VolumeSize=1, Description="one", Timeout=10,
                                     Tags=[{"Key": "Name", "Value": "one"}], ClientToken="once")["SnapshotId"] == one
    refused("ConflictException", None, lambda: direct.ebs.start_snapshot(VolumeSize=2, ClientToken="once"))
    first = dict(list(blocks.items())[:3])
    direct.put_all(one, first)
    daemon.restart(signal=9)
    direct = Direct(daemon, direct.keys)
    direct.put_all(one, {i: data for i, data in blocks.items() if i not in first})
    direct.complete(one, blocks)
    tokens = direct.tokens(one)
    assert sorted(tokens) == sorted(blocks), tokens.keys()
    for index, data in blocks.items():
        assert direct.get(one, index, tokens[index]) == data
    row = direct.ec2.describe_snapshots(SnapshotIds=[one])["Snapshots"][0]
    assert row["VolumeId"] == "vol-ffffffff" and row["Progress"] == "100%" and row["Tags"] == [
        {"Key": "Name", "Value": "one"}], row
    step("put, killed, put, completed and read back")

    over = {3: os.urandom(BLOCK), 7: bytes(BLOCK), 3000: b"grown".ljust(BLOCK, b"!")}
    two = direct.write(over, VolumeSize=2, ParentSnapshotId=one)
    assert sorted(direct.tokens(two)) == [0, 3, 7, 1000, 2047, 3000]
    assert direct.changed(one, two) == {3: (True, True), 7: (True, True), 3000: (False, True)}
    tokens = direct.tokens(two)
    for index, data in {**blocks, **over}.items():
        assert direct.get(two, index, tokens[index]) == data, index
    direct.read_into(two, f"{folder}/two", 2 << 30)
    daemon.karat("image", "export", two, f"{folder}/exported.raw")
    assert same(f"{folder}/two", f"{folder}/exported.raw")
    step("a snapshot over another one, and what changed")
    return direct, one, two


def encrypted(direct):
    """With a key, what is put is encrypted, and so is what is put over it."""
    blocks = {i: os.urandom(BLOCK) for i in (0, 5)}
    started = direct.ebs.start_snapshot(VolumeSize=1, Encrypted=True)
    assert started["KmsKeyArn"].startswith("arn:aws:kms:"), started
    direct.put_all(started["SnapshotId"], blocks)
    direct.complete(started["SnapshotId"], blocks)
    over = direct.write({1: b"over".ljust(BLOCK, b"!")}, VolumeSize=1, ParentSnapshotId=started["SnapshotId"])
    row = direct.ec2.describe_snapshots(SnapshotIds=[over])["Snapshots"][0]
    assert row["Encrypted"] and row["KmsKeyId"] == started["KmsKeyArn"], row
    tokens = direct.tokens(over)
    assert all(direct.get(over, i, tokens[i]) == data for i, data in blocks.items())
    packs = b"".join(path.read_bytes() for path in pathlib.Path(direct.daemon.data, "store", "packs").iterdir())
    assert not any(data[:4096] in packs for data in blocks.values())
    step("encrypted, and over that")


def wrong(direct, other, one, two):
    """What is refused, and what it is called."""
    ebs = direct.ebs
    pending = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    data = b"x" * BLOCK
    refused("ValidationException", "INVALID_BLOCK", lambda: direct.put(pending, 1, data, Checksum=digest(b"y")))
    refused("ValidationException", "INVALID_BLOCK", lambda: direct.put(pending, 1, b"short"))
    refused("ValidationException", "INVALID_BLOCK", lambda: direct.put(pending, 1, data + data[:4096]))
    refused("ValidationException", "INVALID_BLOCK", lambda: direct.put(pending, 2048, data))
    refused("ValidationException", "INVALID_SNAPSHOT_ID", lambda: direct.put(two, 1, data))
    refused("ResourceNotFoundException", "SNAPSHOT_NOT_FOUND", lambda: direct.put("snap-0123456789abcdef0", 1, data))
    refused("ResourceNotFoundException", "SNAPSHOT_NOT_FOUND", lambda: other.put(pending, 1, data))
    refused("ResourceNotFoundException", "SNAPSHOT_NOT_FOUND", lambda: other.tokens(two))
    refused("ValidationException", "INVALID_SNAPSHOT_ID", lambda: direct.tokens(pending))
    token = direct.tokens(two)
    refused("ValidationException", "INVALID_BLOCK_TOKEN", lambda: direct.get(two, 0, token[3]))
    refused("ValidationException", "INVALID_BLOCK_TOKEN", lambda: direct.get(one, 3, token[3]))
    refused("ValidationException", "INVALID_BLOCK_TOKEN", lambda: direct.get(two, 3, "x" + token[3][1:]))
    refused("ValidationException", "INVALID_PAGE_TOKEN",
            lambda: ebs.list_snapshot_blocks(SnapshotId=two, NextToken="abc"))
    refused("ValidationException", "INVALID_VOLUME_SIZE", lambda: ebs.start_snapshot(VolumeSize=1, ParentSnapshotId=two))
    refused("ValidationException", "INVALID_PARAMETER_VALUE",
            lambda: ebs.start_snapshot(VolumeSize=1, ParentSnapshotId=one, Encrypted=True))
    refused("ValidationException", "INVALID_PARAMETER_VALUE",
            lambda: ebs.complete_snapshot(SnapshotId=pending, ChangedBlocksCount=1))
    direct.complete(pending, {})
    refused("ValidationException", "UNRELATED_SNAPSHOTS", lambda: direct.changed(two, pending))
    account = direct.daemon.client(other.keys, service="sts").get_caller_identity()["Account"]
    direct.ec2.modify_snapshot_attribute(SnapshotId=two, Attribute="createVolumePermission", OperationType="add",
                                         UserIds=[account])
    assert sorted(other.tokens(two)) == sorted(token)
    refused("ValidationException", "INVALID_BLOCK_TOKEN", lambda: other.get(two, 3, token[3]))
    wrong_key = Direct(direct.daemon, [direct.keys[0], "x" * 40])
    refused("InvalidSignatureException", None, lambda: wrong_key.tokens(two))
    step("wrong calls are refused by name")


def command_line(direct, daemon, folder):
    """The aws command: put a block from a file, read it into another."""
    if not shutil.which("aws"):
        print("no aws command here: left out")
        return
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": direct.keys[0], "AWS_SECRET_ACCESS_KEY": direct.keys[1],
                   "AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": "/dev/null"}

    def aws(*words):
        done = subprocess.run(["aws", "--endpoint-url", daemon.endpoint, "ebs", *words], env=environment,
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    data = os.urandom(BLOCK)
    pathlib.Path(folder, "block").write_bytes(data)
    snapshot = aws("start-snapshot", "--volume-size", "1")["SnapshotId"]
    aws("put-snapshot-block", "--snapshot-id", snapshot, "--block-index", "5", "--data-length", str(BLOCK),
        "--block-data", f"{folder}/block", "--checksum", digest(data), "--checksum-algorithm", "SHA256", "--progress", "50")
    aws("complete-snapshot", "--snapshot-id", snapshot, "--changed-blocks-count", "1")
    direct.ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    block = aws("list-snapshot-blocks", "--snapshot-id", snapshot)["Blocks"][0]
    aws("get-snapshot-block", "--snapshot-id", snapshot, "--block-index", "5", "--block-token", block["BlockToken"],
        f"{folder}/got")
    assert pathlib.Path(folder, "got").read_bytes() == data
    step("the aws command puts and gets")


def boots(direct, daemon, folder):
    """The seed image's disk comes block by block, is registered, boots; a capture of the guest reads back."""
    if not all(map(shutil.which, ("qemu-system-x86_64", "nbdkit", "mmdebstrap"))):
        print("no guest can run here: left out")
        return
    labs.need_guests()
    lab = labs.Lab(daemon, keys=direct.keys)
    blocks = blocks_of(labs.SEED)
    size = (os.path.getsize(labs.SEED) + (1 << 30) - 1) >> 30
    snapshot = direct.write(blocks, VolumeSize=size, Description="tiny, block by block")
    image = direct.ec2.register_image(
        Name="direct", RootDeviceName="/dev/xvda", VirtualizationType="hvm", Architecture="x86_64", EnaSupport=True,
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}])["ImageId"]
    lab.open_web()
    guest = lab.launch(image)
    lab.answers(guest)
    assert lab.run(guest, "echo written by a guest >/root/note; sync; cat /root/note") == "written by a guest"
    step(f"an image of {len(blocks)} blocks boots and answers")
    root = direct.ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [guest]}])["Volumes"][0]
    captured = direct.ec2.create_snapshot(VolumeId=root["VolumeId"])["SnapshotId"]
    direct.ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[captured], WaiterConfig={"Delay": 1, "MaxAttempts": 90})
    direct.ec2.terminate_instances(InstanceIds=[guest])
    direct.read_into(captured, f"{folder}/captured", size << 30)
    daemon.karat("image", "export", captured, f"{folder}/captured.raw")
    assert same(f"{folder}/captured", f"{folder}/captured.raw")
    changed = direct.changed(snapshot, captured)
    assert changed and len(changed) < len(blocks) + 200, len(changed)
    step(f"a capture reads back block by block; {len(changed)} blocks changed")
    lab.state_is(guest, "terminated")


def run(daemon, folder):
    alice, bob = daemon.keys("alice"), daemon.keys("bob")
    direct, one, two = writes_and_reads(Direct(daemon, alice), daemon, folder)
    encrypted(direct)
    wrong(direct, Direct(daemon, bob), one, two)
    command_line(direct, daemon, folder)
    boots(direct, daemon, folder)


daemon = Daemon()
try:
    with tempfile.TemporaryDirectory(prefix="karat-ebs-test-") as folder:
        run(daemon, folder)
    print("all good")
except BaseException:
    print(pathlib.Path(daemon.data, "karatd.log").read_text()[-4000:])
    raise
finally:
    daemon.stop()
