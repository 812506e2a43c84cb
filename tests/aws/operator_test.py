#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What an operator meets: commands that fail say why and what to do, with the exit codes of docs/operating.md; lists
and --json; a log that no caller can fill and that holds no secret."""
import base64
import hashlib
import http.client
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

from karat_daemon import RELEASE, Daemon

try:
    import botocore.exceptions
except ImportError:
    print("SKIPPED: python3-boto3 is not installed")
    sys.exit(77)

DONE, REFUSED, WRONG_USE, NO_DAEMON = 0, 1, 2, 3
failures = []


def expect(what, condition, detail=""):
    print(("ok " if condition else "FAILED ") + what)
    if not condition:
        failures.append(f"{what}: {detail}")


def run(*words, program="karat", **options):
    done = subprocess.run([RELEASE / program, *words], text=True, capture_output=True, timeout=60, **options)
    return done.returncode, done.stdout, done.stderr


def says(what, got, code, *parts):
    """The command ended with `code`, and one of its last lines of complaint has every part."""
    told = got[2].strip()
    expect(what, got[0] == code and all(part in told for part in parts) and len(told.splitlines()) <= 2, got)


def without_a_daemon():
    with tempfile.TemporaryDirectory(prefix="karat-test-") as place:
        says("no data directory", run("--data", f"{place}/none", "status"), NO_DAEMON, "There is no data directory", "--data")
        says("no daemon", run("--data", place, "status"), NO_DAEMON, "No daemon runs over", "start karatd")
        says("a path too long", run("--data", place + "/x" * 60, "status"), REFUSED, "too long for a socket")
        if os.geteuid() == 0 and subprocess.run([RELEASE / "karat", "--version"], user=65534).returncode == 0:
            os.chmod(place, 0o700)
            says("another user", run("--data", place, "status", user=65534), NO_DAEMON, "run karat as the user", "sudo")
        else:
            print("SKIPPED: not as another user")


def wrong_use():
    says("a slip in a command", run("statsu"), WRONG_USE, "'statsu' is not a command of karat", "did you mean 'status'?")
    says("a slip below a group", run("store", "chek"), WRONG_USE, "did you mean 'check'?", "See karat store --help")
    says("a slip in an option", run("status", "--jsn"), WRONG_USE, "did you mean '--json'?")
    says("nothing", run(), WRONG_USE, "See karat --help")
    says("too little", run("account", "create"), WRONG_USE, "name is required", "See karat account create --help")
    says("karatd: a slip in an option", run("--confg", "x", program="karatd"), WRONG_USE, "--confg")
    says("karatd: a slip in a setting", run("--set", "prot=1", program="karatd"), WRONG_USE, "did you mean 'port'?")
    says("karatd: a value of the wrong kind", run("--set", "port=x", program="karatd"), WRONG_USE, "takes a whole number")
    with tempfile.TemporaryDirectory(prefix="karat-test-") as place:
        file = pathlib.Path(place, "karat.toml")
        says("karatd: no file", run("--config", str(file), program="karatd"), WRONG_USE, "karat.toml")
        file.write_text("keep_free_mb = 3\n")
        says("karatd: a slip in the file", run("--config", str(file), program="karatd"), WRONG_USE, "karat.toml",
             "did you mean 'keep_free_mib'?")
        file.write_text("port = \n")
        says("karatd: no TOML", run("--config", str(file), program="karatd"), WRONG_USE, "karat.toml", "line 1")


def answering(place, answer):
    """Something else than our daemon at the socket, for one request."""
    os.makedirs(f"{place}/run", exist_ok=True)
    path = f"{place}/run/admin.sock"
    pathlib.Path(path).unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()

    def serve():
        peer, _ = server.accept()
        peer.recv(65536)
        peer.sendall(answer)
        peer.close()
        server.close()

    thread = threading.Thread(target=serve)
    thread.start()
    got = run("--data", place, "tasks")
    thread.join()
    return got


def other_daemons():
    def reply(status, body):
        return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()

    with tempfile.TemporaryDirectory(prefix="karat-test-") as place:
        old = reply("404 Not Found", '{"fault":"unknown","message":"The daemon has no such verb: /v1/task-list"}')
        says("an older daemon", answering(place, old), REFUSED, "another version", "Restart it")
        says("another answer", answering(place, reply("200 OK", "{}")), REFUSED, "same version?")
        says("no JSON", answering(place, reply("200 OK", "hello")), REFUSED, "not JSON")
        says("no answer", answering(place, b""), NO_DAEMON, "ended before it answered")


def lists(daemon):
    status = json.loads(daemon.karat("status", "--json").stdout)
    expect("status in JSON, --json behind", status["tasks"]["stuck"] == 0 and status["problems"] == [], status)
    expect("status knows the floor", status["store"]["kept_free_bytes"] >= 256 << 20 and status["store"]["free_bytes"] > 0, status)
    lines = daemon.karat("status").stdout
    expect("status in lines", "\ntasks.stuck\t0\n" in lines and "\nstore.read_only\tfalse\n" in lines, lines)
    for words in (["instances"], ["tasks"], ["tasks", "--state", "failed"], ["account", "list"], ["store", "cache"],
                  ["key", "list", "alice"], ["image", "list", "--account", "alice"]):
        expect(f"{' '.join(words)} in JSON", isinstance(json.loads(daemon.karat("--json", *words).stdout), list))
    instance = json.loads(daemon.karat("instances", "--json", "--account", "alice").stdout)[0]
    row = daemon.karat("instances").stdout.rstrip("\n").split("\t")
    expect("instances tells what is where", row[:3] == [instance["id"], "alice", "us-east-1"] and len(row) == 10, row)
    expect("of another state none", daemon.karat("instances", "--state", "stopped").stdout == "")
    says("an unknown state", run("--data", daemon.data, "instances", "--state", "of-mind"), REFUSED, "there are pending, running")
    says("an account twice", run("--data", daemon.data, "account", "create", "alice"), REFUSED, "alice")
    says("an image without its file", run("--data", daemon.data, "image", "import", "/none", "--name", "x", "--account", "alice"),
         WRONG_USE, "/none")
    says("an unknown account", run("--data", daemon.data, "key", "create", "nobody"), REFUSED, "no account named 'nobody'")


def interrupted_work(daemon):
    """Waiting for long work outlives the daemon; Ctrl-C ends an export, and leaves an import to the daemon."""
    disk = pathlib.Path(daemon.data, "large.raw")
    disk.write_bytes(os.urandom(64 << 20))
    karat = [RELEASE / "karat", "--data", daemon.data]

    def looks_at_tasks():
        return pathlib.Path(daemon.data, "karatd.log").read_text().count("verb=/v1/task ")

    def begin(*words):
        asked = looks_at_tasks()
        started = subprocess.Popen([*karat, *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_for(lambda: looks_at_tasks() > asked or started.poll() is not None)  # it knows its task
        return started

    started = begin("image", "import", disk, "--format", "raw", "--name", "large", "--account", "alice")
    daemon.restart(signal=9)
    said = started.communicate(timeout=60)
    expect("an import is waited for through kill -9 of the daemon", started.returncode == DONE and "image\tami-" in said[0], said)
    image = said[0].split()[1]
    started = begin("image", "export", image, f"{daemon.data}/large.qcow2")
    if started.poll() is None:
        started.send_signal(2)
    said = started.communicate(timeout=60)
    expect("Ctrl-C ends an export", started.returncode in (DONE, REFUSED) and
           (started.returncode == REFUSED) == ("cancelled" in said[1]), said)
    if started.returncode == REFUSED:
        failed = daemon.karat("tasks", "--state", "failed").stdout
        expect("which the list of failed tasks tells", "large.qcow2" in failed and "cancelled" in failed, failed)


def work_with_secrets(daemon, keys):
    """Everything that has a secret in it; returns the secrets."""
    ec2 = daemon.client(keys)
    disk = pathlib.Path(daemon.data, "disk.raw")
    disk.write_bytes(os.urandom(1 << 20))
    image = daemon.karat("image", "import", str(disk), "--format", "raw", "--name", "base", "--account", "alice", "--json")
    user_data = "password=" + base64.b16encode(os.urandom(16)).decode()
    pair = ec2.create_key_pair(KeyName="k")
    ec2.run_instances(ImageId=json.loads(image.stdout)["image"], InstanceType="t3.nano", MinCount=1, MaxCount=1, KeyName="k",
                      UserData=user_data, ClientToken="token-of-a-client")
    ebs = daemon.client(keys, service="ebs")
    snapshot = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    block = b"secret block".ljust(512 << 10, b"\0")
    ebs.put_snapshot_block(SnapshotId=snapshot, BlockIndex=0, BlockData=block, DataLength=len(block), ChecksumAlgorithm="SHA256",
                           Checksum=base64.b64encode(hashlib.sha256(block).digest()).decode())
    ebs.complete_snapshot(SnapshotId=snapshot, ChangedBlocksCount=1)
    token = wait_for(lambda: ebs.list_snapshot_blocks(SnapshotId=snapshot)["Blocks"][0]["BlockToken"])
    ebs.get_snapshot_block(SnapshotId=snapshot, BlockIndex=0, BlockToken=token)
    url = ec2.generate_presigned_url("describe_instances")
    signature = url.split("Signature=")[1].split("&")[0]
    http_get(daemon, url.split("/", 3)[3])
    try:
        daemon.client([keys[0], "a-wrong-secret"]).describe_instances()
    except botocore.exceptions.ClientError:
        pass
    wait_for(lambda: "running" in daemon.karat("instances").stdout)
    return {"the secret key": keys[1], "a wrong one": "a-wrong-secret", "user data": user_data,
            "user data as sent": base64.b64encode(user_data.encode()).decode(), "a signature": signature,
            "a private key": pair["KeyMaterial"].split("\n")[1], "a block token": token, "a block": "secret block"}


def wait_for(look):
    for _ in range(100):
        try:
            if found := look():
                return found
        except (botocore.exceptions.ClientError, IndexError):
            pass
        time.sleep(0.1)
    sys.exit("waited in vain")


def http_get(daemon, path):
    connection = http.client.HTTPConnection(daemon.endpoint.split("//")[1])
    connection.request("GET", "/" + path)
    connection.getresponse().read()
    connection.close()


def logs(daemon):
    places = [pathlib.Path(daemon.data, "karatd.log"), *pathlib.Path(daemon.data, "run").rglob("*.log")]
    return {place: place.read_text(errors="replace") for place in places}


def no_secrets(daemon, secrets):
    texts = logs(daemon)
    expect("there are logs", len(texts) >= 3 and " call " in texts[pathlib.Path(daemon.data, "karatd.log")], texts.keys())
    for what, secret in secrets.items():
        found = [str(place) for place, text in texts.items() if secret in text]
        expect(f"{what} is in no log", not found, found)
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_text(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if daemon.data in words:
            expect(f"nor in the command line of {words.split(chr(0))[0].split('/')[-1]}",
                   not [what for what, secret in secrets.items() if secret in words], words)


def flood(daemon, keys):
    log = pathlib.Path(daemon.data, "karatd.log")
    before = log.stat().st_size
    connection = http.client.HTTPConnection(daemon.endpoint.split("//")[1])
    for i in range(3000):
        connection.request("POST", "/", body="Action=DescribeInstances&Version=2016-11-15")
        connection.getresponse().read()
    grown = log.stat().st_size - before
    expect("3,000 refused calls make a log of some 60 KB", grown < 120_000, grown)
    time.sleep(1.2)
    connection.request("POST", "/", body="Action=DescribeInstances&Version=2016-11-15")
    connection.getresponse().read()
    left_out = re.findall(r"log.left_out event=call.refused lines=(\d+)", log.read_text())
    expect("and what was left out is counted", sum(map(int, left_out)) > 2500, left_out)
    before = log.stat().st_size
    ec2 = daemon.client(keys)
    ec2.meta.events.register("before-sign.ec2.*", lambda request, **_: request.data.update(Action="A" * 200_000))
    try:
        ec2.describe_instances()
    except botocore.exceptions.ClientError:
        pass
    grown = log.stat().st_size - before
    expect("a long name makes a short line", 0 < grown < 10_000, grown)


def main():
    without_a_daemon()
    wrong_use()
    other_daemons()
    daemon = Daemon(None, "accelerator=tcg", "log_level=debug")
    try:
        keys = daemon.keys("alice")
        secrets = work_with_secrets(daemon, keys)
        lists(daemon)
        no_secrets(daemon, secrets)
        flood(daemon, keys)
        interrupted_work(daemon)
    finally:
        daemon.stop()
    print("\n".join(failures) or "all as expected")
    sys.exit(1 if failures else 0)


main()
