#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What real clients get for bad input, from the daemon as it ships: EC2's own code, one clear
sentence, and nothing left behind. Needs no guest."""
import datetime
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

from karat_daemon import RELEASE, end_helpers, run_and_tell

try:
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials
    import botocore.exceptions
except ImportError:
    print("SKIPPED: python3-boto3 is not installed")
    sys.exit(77)

failures = []


def expect(what, code, call):
    """`call` fails with EC2's `code` and a sentence."""
    try:
        call()
        failures.append(f"{what}: succeeded, expected {code}")
    except botocore.exceptions.ClientError as error:
        got = error.response["Error"]
        if got["Code"] != code or len(got["Message"]) < 5:
            failures.append(f"{what}: expected {code}, got {got}")
        else:
            print(f"ok {what}: {got['Code']}: {got['Message']}")


def expect_true(what, condition, detail=""):
    print(("ok " if condition else "FAILED ") + what)
    if not condition:
        failures.append(f"{what} {detail}")


def http(endpoint, body, headers=None):
    request = urllib.request.Request(endpoint, data=body, headers=headers or {}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def signed(daemon, keys, body, late=datetime.timedelta()):
    """What a client gets that signs well, `late` by its clock, but says what no SDK lets it say."""
    real = datetime.datetime

    class Clock(real):
        @classmethod
        def utcnow(cls):
            return real.now(datetime.timezone.utc).replace(tzinfo=None) + late

        @classmethod
        def now(cls, tz=None):
            return real.now(tz) + late

    request = botocore.awsrequest.AWSRequest("POST", daemon.endpoint, data=body, headers={
        "Content-Type": "application/x-www-form-urlencoded"})
    botocore.auth.datetime.datetime = Clock
    try:
        botocore.auth.SigV4Auth(botocore.credentials.Credentials(*keys), "ec2", "us-east-1").add_auth(request)
    finally:
        botocore.auth.datetime.datetime = real
    return http(daemon.endpoint, body, dict(request.headers))


def on_the_wire(daemon, keys):
    """Requests that SDKs do not make."""
    def expect_wire(what, code, body, **how):
        status, reply = signed(daemon, keys, body.encode(), **how)
        expect_true(what, status == 400 and f"<Code>{code}</Code>".encode() in reply, (status, reply))

    version = "&Version=2016-11-15"
    expect_wire("an unknown action is refused", "InvalidAction", "Action=ImagineInstances" + version)
    expect_wire("an unknown parameter is refused", "UnknownParameter", "Action=DescribeImages&Colour=red" + version)
    expect_wire("a missing parameter is named", "MissingParameter", "Action=DeregisterImage" + version)
    expect_wire("a late clock is refused", "RequestExpired", "Action=DescribeImages" + version,
                late=datetime.timedelta(minutes=-20))
    expect_wire("an early clock is refused", "RequestExpired", "Action=DescribeImages" + version,
                late=datetime.timedelta(minutes=20))
    status, reply = signed(daemon, keys, ("Action=DescribeImages" + version).encode())
    expect_true("and the same client is served when it is right", status == 200, (status, reply))


def foreign_things(daemon, ec2, other):
    """What another account has looks as if it were not there."""
    disk = pathlib.Path(daemon.data, "disk.raw")
    disk.write_bytes(os.urandom(1 << 20))
    daemon.karat("image", "import", str(disk), "--format", "raw", "--name", "private", "--account", "alice")
    disk.unlink()
    image = ec2.describe_images(Owners=["self"])["Images"][0]
    snapshot = image["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    expect("foreign image", "InvalidAMIID.NotFound",
           lambda: other.run_instances(ImageId=image["ImageId"], MinCount=1, MaxCount=1))
    expect("foreign image deregistered", "InvalidAMIID.NotFound",
           lambda: other.deregister_image(ImageId=image["ImageId"]))
    expect("foreign snapshot", "InvalidSnapshot.NotFound", lambda: other.delete_snapshot(SnapshotId=snapshot))
    expect("foreign volume", "InvalidVolume.NotFound", lambda: other.delete_volume(VolumeId=volume))
    expect("foreign tags", "InvalidVolume.NotFound",
           lambda: other.create_tags(Resources=[volume], Tags=[{"Key": "k", "Value": "v"}]))
    ec2.delete_volume(VolumeId=volume)
    ec2.deregister_image(ImageId=image["ImageId"])
    ec2.delete_snapshot(SnapshotId=snapshot)


def hostile_disks(place):
    """Files that qemu-img makes, and what is then done to them: a name, the file, a word of the refusal."""
    def make(name, *options):
        path = f"{place}/{name}.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *options, path, "64M"], check=True)
        return path

    def patched(name, *patches):
        path = make(name)
        with open(path, "r+b") as file:
            for at, value in patches:
                file.seek(at)
                file.write(value)
        return path

    u64 = lambda value: struct.pack(">Q", value)
    yield "a backing file", make("backing", "-o", "backing_file=/etc/passwd,backing_fmt=raw", "-u"), "backing file"
    yield "a data file", make("data", "-o", f"data_file={place}/outside.raw"), "another file"
    yield "an unknown feature", patched("feature", (72, u64(1 << 40))), "which Karat does not know"
    yield "overlapping tables", patched("overlap", (40, u64(65536))), "overlaps"  # the L1 table on the refcount table
    yield "a cut-off table", patched("cut", (40, u64(1 << 40))), "cut off"
    # Every entry of one L2 table names the same cluster: 64 KiB that would become 64 MiB.
    bomb = make("bomb")
    subprocess.run(["qemu-io", "-c", "write -P 7 0 64k", bomb], check=True, stdout=subprocess.DEVNULL)
    with open(bomb, "r+b") as file:
        file.seek(40)
        file.seek(struct.unpack(">Q", file.read(8))[0])
        table = struct.unpack(">Q", file.read(8))[0] & 0x00fffffffffffe00
        file.seek(table)
        entry = file.read(8)
        file.seek(table)
        file.write(entry * 1024)
    yield "a bomb", bomb, "more than"
    noise = f"{place}/noise.qcow2"
    pathlib.Path(noise).write_bytes(b"QFI\xfb" + os.urandom(1 << 20))
    yield "noise", noise, "qcow2"


def run(daemon):
    alice, bob = daemon.keys("alice"), daemon.keys("bob")
    ec2, other = daemon.client(alice), daemon.client(bob)
    on_the_wire(daemon, alice)
    foreign_things(daemon, ec2, other)

    expect("unknown image", "InvalidAMIID.NotFound",
           lambda: ec2.run_instances(ImageId="ami-0123456789abcdef0", MinCount=1, MaxCount=1))
    expect("malformed image", "InvalidAMIID.Malformed",
           lambda: ec2.run_instances(ImageId="web", MinCount=1, MaxCount=1))
    expect("unknown instance", "InvalidInstanceID.NotFound",
           lambda: ec2.terminate_instances(InstanceIds=["i-0123456789abcdef0"]))
    expect("unknown snapshot", "InvalidSnapshot.NotFound",
           lambda: ec2.delete_snapshot(SnapshotId="snap-0123456789abcdef0"))
    expect("unknown volume", "InvalidVolume.NotFound",
           lambda: ec2.describe_volumes(VolumeIds=["vol-0123456789abcdef0"]))
    expect("bad counts", "InvalidParameterValue",
           lambda: ec2.run_instances(ImageId="ami-0123456789abcdef0", MinCount=2, MaxCount=1))
    expect("bad filter", "InvalidParameterValue",
           lambda: ec2.describe_images(Filters=[{"Name": "colour", "Values": ["red"]}]))
    expect("bad image name", "InvalidAMIName.Malformed",
           lambda: ec2.create_image(InstanceId="i-0123456789abcdef0", Name="a"))
    expect("wrong secret", "AuthFailure",
           lambda: daemon.client([alice[0], "x" * 40]).describe_images())
    expect("unknown key", "AuthFailure", lambda: daemon.client(["AKIA" + "Q" * 16, alice[1]]).describe_images())
    expect("dry run", "DryRunOperation",
           lambda: ec2.create_security_group(GroupName="dry", Description="x", DryRun=True))

    group = ec2.create_security_group(GroupName="mine", Description="x")["GroupId"]
    expect("foreign security group", "InvalidGroup.NotFound", lambda: other.delete_security_group(GroupId=group))
    expect("duplicate security group", "InvalidGroup.Duplicate",
           lambda: ec2.create_security_group(GroupName="mine", Description="x"))
    pair = ec2.create_key_pair(KeyName="k")
    expect_true("a created key is PKCS#1", pair["KeyMaterial"].startswith("-----BEGIN RSA PRIVATE KEY-----"))
    expect("duplicate key pair", "InvalidKeyPair.Duplicate", lambda: ec2.create_key_pair(KeyName="k"))
    expect_true("nobody else sees it", other.describe_key_pairs()["KeyPairs"] == [])

    status, body = http(daemon.endpoint, b"Action=DescribeImages&Version=2016-11-15")
    expect_true("no signature is refused", status in (400, 403) and b"MissingAuthenticationToken" in body, body)
    status, body = http(daemon.endpoint, b"A=" + b"x" * (2 << 20))
    expect_true("a body of 2 MiB is refused", status == 413 and b"1048576 bytes" in body, (status, body))
    with socket.create_connection(daemon.endpoint.removeprefix("http://").split(":")) as raw:
        raw.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        expect_true("noise is refused", raw.recv(4096).startswith(b"HTTP/1.1 400"))

    with tempfile.TemporaryDirectory() as place:
        plain = pathlib.Path(place, "plain.raw")
        plain.write_bytes(b"\x55" * 4096)
        for option, value in (("--boot-mode", "bios"), ("--root-device-name", "foo bar"), ("--root-device-name", "/dev/nvme1n1"),
                              ("--description", "\x01"), ("--name", "a"), ("--size", "99999")):
            words = {"--name": "checked", "--account": "alice", option: value}
            refused = daemon.karat("image", "import", str(plain), *(word for pair in words.items() for word in pair), check=False)
            expect_true(f"an import with {option} {value!r} is refused: {refused.stderr.strip()}", refused.returncode == 1)
        for name, path, word in hostile_disks(place):
            refused = daemon.karat("image", "import", path, "--name", "hostile", "--account", "alice", check=False)
            expect_true(f"a qcow2 with {name} is refused in one line: {refused.stderr.strip()}",
                        refused.returncode == 1 and word in refused.stderr and refused.stderr.count("\n") == 1)
    expect_true("and leaves nothing", daemon.karat("image", "list", "--account", "alice").stdout == "" and
                ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"] == [])

    taken = subprocess.run([RELEASE / "karatd", "--set", f"data_directory={daemon.data}"], text=True,
                           capture_output=True, timeout=30)
    expect_true("a second daemon on the same data says so", taken.returncode == 1 and "locked" in taken.stderr,
                taken.stderr)
    with tempfile.TemporaryDirectory() as data:
        port = daemon.endpoint.rsplit(":", 1)[1]
        taken = subprocess.run([RELEASE / "karatd", "--set", f"data_directory={data}", "--set", f"port={port}",
                                "--set", "accelerator=tcg"], text=True, capture_output=True, timeout=60)
        expect_true("a port in use is named", taken.returncode == 1 and port in taken.stderr, taken.stderr)
        end_helpers(data)
    unknown = subprocess.run([RELEASE / "karatd", "--set", "prot=1"], text=True, capture_output=True)
    expect_true("an unknown setting is named", unknown.returncode == 2 and "prot" in unknown.stderr, unknown.stderr)


run_and_tell(run, failures)
