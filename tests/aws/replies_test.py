#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What boto3 and ssh-keygen make of the replies of the daemon as it ships: each paginator and each
waiter of boto3's ec2 client whose operation is offered, private keys that ssh reads, and the threads
that a guest sees. The guests are boot sectors that print and halt."""
import gzip
import hashlib
import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

from karat_daemon import ROOT, run_and_tell

try:
    import botocore
    from botocore import xform_name
    from botocore.exceptions import WaiterError
except ImportError:
    print("SKIPPED: python3-boto3 is not installed")
    sys.exit(77)

OFFERED = set(json.loads((ROOT / "src/wire/models/ec2.json").read_text())["operations"])
# CPUID leaf 0xB: the threads of a core, and the processors, one digit each, on the serial line.
LEAF = "66b80b000000 66b9{:02x}000000 0fa2 88d8 0430 baf803 ee "
SECTOR = bytes.fromhex((LEAF.format(0) + LEAF.format(1) + "b00a ee fa f4 ebfc").replace(" ", ""))
failures = []


def expect(what, condition, detail=""):
    print(("ok " if condition else "FAILED ") + what)
    if not condition:
        failures.append(f"{what}: {detail}")


def wait(what, condition, seconds=60):
    deadline = time.time() + seconds
    while not (found := condition()):
        if time.time() > deadline:
            raise AssertionError(f"gave up waiting for {what}")
        time.sleep(0.1)
    return found


def client_data(name):
    """A file of botocore's about EC2; newer versions compress the largest."""
    path = pathlib.Path(botocore.__file__).parent / "data/ec2/2016-11-15" / name
    return json.loads(path.read_text() if path.exists() else gzip.decompress(path.with_suffix(".json.gz").read_bytes()))


def import_image(daemon):
    disk = pathlib.Path(daemon.data, "halt.raw")
    disk.write_bytes(SECTOR.ljust(510, b"\0") + b"\x55\xaa" + b"\0" * ((1 << 20) - 512))
    daemon.karat("image", "import", str(disk), "--format", "raw", "--name", "halt", "--account", "alice")
    disk.unlink()


def make_things(ec2, image, snapshot):
    """Six or more of all that can be made, so that each list has a second page of five."""
    for number in range(6):
        ec2.create_security_group(GroupName=f"g{number}", Description="x")
        volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, TagSpecifications=[
            {"ResourceType": "volume", "Tags": [{"Key": "number", "Value": str(number)}]}])["VolumeId"]
        ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
        ec2.modify_volume(VolumeId=volume, Size=2)
        ec2.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=snapshot)
        ec2.register_image(Name=f"image {number}", BlockDeviceMappings=[
            {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}])
    ran = ec2.run_instances(ImageId=image, InstanceType="t3.nano", MinCount=6, MaxCount=6)["Instances"]
    return [one["InstanceId"] for one in ran]


def things(page, key):
    """What MaxResults counts: of reservations, their instances; a page may end within one."""
    return [one for r in page[key] for one in r["Instances"]] if key == "Reservations" else page[key]


def paginators(ec2):
    """Small pages make the same list as one large answer."""
    shapes = client_data("service-2.json")["shapes"]
    more = {"DescribeInstanceStatus": {"IncludeAllInstances": True}, "DescribeImages": {"Owners": ["self"]},
            "DescribeSnapshots": {"OwnerIds": ["self"]}}
    known = client_data("paginators-1.json")["pagination"]
    tried = 0
    for operation in sorted(OFFERED & set(known)):
        asked = more.get(operation, {})
        call = getattr(ec2, xform_name(operation))
        keys = known[operation]["result_key"]
        whole = call(**asked)
        size = shapes.get(shapes[operation + "Request"]["members"].get("MaxResults", {}).get("shape"), {}).get("min", 5)
        for key in keys if isinstance(keys, list) else [keys]:
            pages = list(ec2.get_paginator(xform_name(operation)).paginate(PaginationConfig={"PageSize": size}, **asked))
            union = [thing for page in pages for thing in things(page, key)]
            fits = all(len(things(page, key)) <= size for page in pages)
            expect(f"{operation}: {len(pages)} pages of {size} make {len(union)} {key}",
                   union == things(whole, key) and fits and len(union) > 0 and len(pages) >= -(-len(union) // size),
                   (union, whole[key]))
            tried += 1
    expect("every paginator was tried", tried >= 12, tried)


def waiters(ec2, instances, snapshot):
    """Each waiter ends, well or as it must; in threads, for most look once and sleep."""
    one, gone = instances[0], instances[1]
    nic = ec2.describe_instances(InstanceIds=[one])["Reservations"][0]["Instances"][0]["NetworkInterfaces"][0]
    image = ec2.describe_images(Owners=["self"])["Images"][0]["ImageId"]
    group = ec2.describe_security_groups(GroupNames=["g0"])["SecurityGroups"][0]["GroupId"]
    root = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [one]}])["Volumes"][0]["VolumeId"]
    free, lost = (ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"] for _ in range(2))
    ec2.get_waiter("volume_available").wait(VolumeIds=[lost], WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    ec2.delete_volume(VolumeId=lost)
    ec2.create_key_pair(KeyName="waited-for", KeyType="ed25519")
    ec2.stop_instances(InstanceIds=[instances[2]], Force=True)
    asked = {
        "InstanceExists": {"InstanceIds": [one]}, "InstanceRunning": {"InstanceIds": [one]},
        "InstanceStatusOk": {"InstanceIds": [one]}, "SystemStatusOk": {"InstanceIds": [one]},
        "InstanceStopped": {"InstanceIds": [instances[2]]}, "InstanceTerminated": {"InstanceIds": [gone]},
        "ImageExists": {"ImageIds": [image]}, "ImageAvailable": {"ImageIds": [image]},
        "KeyPairExists": {"KeyNames": ["waited-for"]}, "SecurityGroupExists": {"GroupIds": [group]},
        "SnapshotCompleted": {"SnapshotIds": [snapshot]}, "VolumeAvailable": {"VolumeIds": [free]},
        "VolumeDeleted": {"VolumeIds": [lost]}, "VolumeInUse": {"VolumeIds": [root]},
        "SubnetAvailable": {"SubnetIds": [nic["SubnetId"]]}, "VpcAvailable": {"VpcIds": [nic["VpcId"]]},
        "VpcExists": {"VpcIds": [nic["VpcId"]]},
        # No interface lives without its instance, so this one ends in the failure that says so.
        "NetworkInterfaceAvailable": {"NetworkInterfaceIds": ["eni-0123456789abcdef0"]},
    }
    known = {name for name, how in client_data("waiters-2.json")["waiters"].items() if how["operation"] in OFFERED}
    expect("every waiter has its arguments", known <= set(asked), known - set(asked))
    ends = {}

    def follow(name):
        try:
            ec2.get_waiter(xform_name(name)).wait(**asked[name], WaiterConfig={"Delay": 0.5, "MaxAttempts": 240})
            ends[name] = "well"
        except WaiterError as error:
            ends[name] = str(error)

    threads = [threading.Thread(target=follow, args=(name,)) for name in sorted(known)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in sorted(known):
        fails = name == "NetworkInterfaceAvailable"
        expect(f"the waiter {name} ends", ("InvalidNetworkInterfaceID.NotFound" in ends[name]) if fails
               else ends[name] == "well", ends[name])


def threads(ec2, instance):
    """The guest's processors are what the type and the instance say."""
    text = wait("the boot sector to print", lambda: ec2.get_console_output(InstanceId=instance).get("Output", ""))
    size = ec2.describe_instance_types(InstanceTypes=["t3.nano"])["InstanceTypes"][0]["VCpuInfo"]
    shown = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]["CpuOptions"]
    printed = text.strip().splitlines()[-1]
    expect(f"a t3.nano has {size['DefaultThreadsPerCore']} threads a core and {size['DefaultVCpus']} processors",
           printed == f"{size['DefaultThreadsPerCore']}{size['DefaultVCpus']}" == "22"
           and shown == {"CoreCount": 1, "ThreadsPerCore": 2}, (text, size, shown))


def ssh_keygen(*words):
    done = subprocess.run(["ssh-keygen", *words], text=True, capture_output=True)
    return done.stdout.strip() if done.returncode == 0 else "FAILED: " + done.stderr


def keys(ec2):
    with tempfile.TemporaryDirectory() as place:
        path = f"{place}/key"
        for kind in ("rsa", "ed25519"):
            made = ec2.create_key_pair(KeyName=kind, KeyType=kind)
            pathlib.Path(path).write_text(made["KeyMaterial"])
            os.chmod(path, 0o600)
            line = ec2.describe_key_pairs(KeyNames=[kind], IncludePublicKey=True)["KeyPairs"][0]["PublicKey"]
            public = ssh_keygen("-y", "-f", path)
            expect(f"ssh-keygen reads a created {kind} key", public.split()[:2] == line.split()[:2], public)
            pathlib.Path(path + ".pub").write_text(public + "\n")
            expect("and signs with it", sign_and_check(place, path, line))
            fingerprint(made["KeyFingerprint"], kind, path, line)
            forms = {"OpenSSH's line": public, "RFC 4716": ssh_keygen("-e", "-m", "RFC4716", "-f", path + ".pub")}
            if kind == "rsa":
                forms["PEM"] = ssh_keygen("-e", "-m", "PKCS8", "-f", path + ".pub")
                forms["DER"] = "".join(forms["PEM"].splitlines()[1:-1])
            for form, text in forms.items():
                name = f"{kind} as {form}"
                ec2.import_key_pair(KeyName=name, PublicKeyMaterial=text.encode())
                got = ec2.describe_key_pairs(KeyNames=[name], IncludePublicKey=True)["KeyPairs"][0]
                expect(f"{name} is imported as the same key", got["PublicKey"].split()[:2] == line.split()[:2], got)
            putty(place, path, line, ec2, kind)
            ppk(place, ec2, kind)


def sign_and_check(place, path, line):
    """A signature by the private key holds under the public one."""
    pathlib.Path(place, "who").write_text("me " + " ".join(line.split()[:2]) + "\n")
    pathlib.Path(place, "text").write_text("text")
    pathlib.Path(place, "text.sig").unlink(missing_ok=True)
    ssh_keygen("-Y", "sign", "-f", path, "-n", "file", f"{place}/text")
    with open(f"{place}/text", "rb") as text:
        done = subprocess.run(["ssh-keygen", "-Y", "verify", "-f", f"{place}/who", "-I", "me", "-n", "file",
                               "-s", f"{place}/text.sig"], stdin=text, capture_output=True)
    return done.returncode == 0


def fingerprint(shown, kind, path, line):
    """As EC2's guide computes it from the private key."""
    if kind == "rsa":
        der = subprocess.run(["openssl", "pkcs8", "-in", path, "-inform", "PEM", "-outform", "DER", "-topk8", "-nocrypt"],
                             check=True, capture_output=True).stdout
        expected = ":".join(f"{byte:02x}" for byte in hashlib.sha1(der).digest())
    else:
        expected = base64.b64encode(hashlib.sha256(base64.b64decode(line.split()[1])).digest()).decode()
        said = ssh_keygen("-l", "-f", path).split()[1]
        expect("ssh-keygen says the same", said == "SHA256:" + shown.rstrip("="), said)
    expect(f"the fingerprint of a created {kind} key is EC2's", shown == expected, (shown, expected))


def putty(place, path, line, ec2, kind):
    """PuTTYgen reads our private keys, and we what it saves of public ones."""
    try:
        subprocess.run(["puttygen", path, "-o", f"{place}/key.ppk", "-O", "private"], check=True, capture_output=True)
    except FileNotFoundError:
        print("SKIPPED: puttygen is not installed (putty-tools)")
        return
    saved = subprocess.run(["puttygen", f"{place}/key.ppk", "-O", "public"], check=True, capture_output=True).stdout
    ec2.import_key_pair(KeyName=f"{kind} of PuTTY", PublicKeyMaterial=saved)
    got = ec2.describe_key_pairs(KeyNames=[f"{kind} of PuTTY"], IncludePublicKey=True)["KeyPairs"][0]["PublicKey"]
    expect(f"PuTTYgen reads a {kind} key, and we what it saves", got.split()[:2] == line.split()[:2], saved)


def ppk(place, ec2, kind):
    """PuTTYgen reads the keys that are asked for in its own form."""
    name = f"{kind} for PuTTY"
    pathlib.Path(place, "made.ppk").write_text(ec2.create_key_pair(KeyName=name, KeyType=kind, KeyFormat="ppk")["KeyMaterial"])
    try:
        said = subprocess.run(["puttygen", f"{place}/made.ppk", "-L"], capture_output=True, text=True).stdout
    except FileNotFoundError:
        return
    line = ec2.describe_key_pairs(KeyNames=[name], IncludePublicKey=True)["KeyPairs"][0]["PublicKey"]
    expect(f"PuTTYgen reads a {kind} key in its own form", said.split()[:2] == line.split()[:2], said)


def copies(ec2, image):
    """A copied image is available when its own snapshots are."""
    copied = ec2.copy_image(Name="copy", SourceImageId=image["ImageId"], SourceRegion="us-east-1")["ImageId"]
    ec2.get_waiter("image_available").wait(ImageIds=[copied], WaiterConfig={"Delay": 0.5, "MaxAttempts": 120})
    copy = ec2.describe_images(ImageIds=[copied])["Images"][0]
    ids = [one["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"] for one in (image, copy)]
    expect("a copied image has snapshots of its own", ids[0] != ids[1] and copy["Name"] == "copy", copy)


def run(daemon):
    ec2 = daemon.client(daemon.keys("alice"))
    import_image(daemon)
    image = ec2.describe_images(Owners=["self"])["Images"][0]
    snapshot = image["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    keys(ec2)
    copies(ec2, image)
    instances = make_things(ec2, image["ImageId"], snapshot)
    ec2.get_waiter("instance_running").wait(InstanceIds=instances[:3], WaiterConfig={"Delay": 0.5, "MaxAttempts": 240})
    threads(ec2, instances[0])
    ec2.terminate_instances(InstanceIds=[instances[1], *instances[3:]])
    waiters(ec2, instances, snapshot)
    paginators(ec2)


run_and_tell(run, failures)
