#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What real clients get for bad input, from the daemon as it ships: EC2's own code, one clear
sentence, and nothing left behind. Needs no guest."""
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

from karat_daemon import RELEASE, Daemon, end_helpers

try:
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


def run(daemon):
    alice, bob = daemon.keys("alice"), daemon.keys("bob")
    ec2, other = daemon.client(alice), daemon.client(bob)

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

    hostile = f"{daemon.data}/hostile.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-o", "backing_file=/etc/passwd,backing_fmt=raw",
                    "-u", hostile, "1M"], check=True)
    refused = daemon.karat("image", "import", hostile, "--name", "hostile", "--account", "alice", check=False)
    expect_true("a qcow2 with a backing file is refused", refused.returncode == 1 and "backing" in refused.stderr,
                refused.stderr)
    expect_true("and leaves nothing", daemon.karat("image", "list", "--account", "alice").stdout == "")

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


def main():
    daemon = Daemon()
    try:
        run(daemon)
    finally:
        daemon.stop()
    print("\n".join(failures) or "all as expected")
    sys.exit(1 if failures else 0)


main()
