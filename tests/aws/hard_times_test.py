#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a host does to the daemon: ends it in the midst of each kind of task, gives its processes' numbers to others, ends
machines while it is away, loses, fills or litters run/, and starts anew. `hard_times_test.py KILL_TIMES`."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from botocore.exceptions import ClientError
from karat_daemon import Daemon
from lab import Lab, need_guests, wait

DELAYS_S = [0.0, 0.3, 0.01, 0.1, 0.03, 0.6, 0.06, 0.2, 1.0, 2.0]


class Host:
    """A daemon, and what a host can do to it."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.run = pathlib.Path(daemon.data, "run")
        self.lab = Lab(daemon)
        self.image = self.lab.import_seed()
        self.lab.open_web()

    def pid(self, name):
        return int((self.run / name).read_text())

    def folder(self, instance):
        return self.run / "machines" / instance

    def kill_daemon(self):
        self.daemon.process.kill()
        self.daemon.process.wait(30)
        (self.run / "endpoint").unlink(missing_ok=True)

    def start_daemon(self):
        """The time from the start of the program until it answers."""
        begin = time.monotonic()
        self.daemon.start()
        self.lab = Lab(self.daemon, self.lab.keys)
        self.lab.ec2.describe_instances()
        return time.monotonic() - begin

    def state(self, instance):
        return self.lab.instance(instance)["State"]["Name"]

    def told(self, *instances):
        """That they are stopped is told as soon as the daemon is back."""
        for instance in instances:
            wait(f"{instance} to be told as stopped", lambda i=instance: self.state(i) == "stopped", 10)

    def launch(self):
        instance = self.lab.launch(self.image)
        self.lab.state_is(instance, "running")
        return instance

    def terminate(self, *instances):
        self.lab.ec2.terminate_instances(InstanceIds=list(instances))
        for instance in instances:
            wait(f"{instance} to end", lambda i=instance: self.has_ended(i))
            wait(f"the folder of {instance} to go", lambda i=instance: not self.folder(i).exists(), 30)

    def has_ended(self, instance):
        """Terminated, or forgotten since."""
        try:
            return self.state(instance) == "terminated"
        except ClientError as error:
            return error.response["Error"]["Code"] == "InvalidInstanceID.NotFound"

    def others(self, instance):
        """Processes that somebody else runs and that mention the instance's files."""
        words = [f"type=2,manufacturer=Amazon EC2,asset={instance}", str(self.folder(instance) / "net.json")]
        shell = ["sh", "-c", "read line", "sh", *words] # which has no child that could stay behind
        return [subprocess.Popen(["sleep", "600"]), subprocess.Popen(shell, stdin=subprocess.PIPE)]


@contextlib.contextmanager
def daemon_away(host):
    host.kill_daemon()
    yield
    print(f"    the daemon answers after {host.start_daemon():.2f} s", flush=True)


def kill_process(pid):
    os.kill(pid, signal.SIGKILL)
    wait(f"{pid} to end", lambda: not os.path.exists(f"/proc/{pid}/exe") or not os.path.exists(f"/proc/{pid}/cmdline"), 10)


def killed_amid(host, times):
    """The daemon is killed a moment after each call; what was acknowledged comes to its end."""
    for delay in DELAYS_S[:times]:
        lab = host.lab
        instance = lab.launch(host.image)

        def killed(what):
            time.sleep(delay)
            host.kill_daemon()
            host.start_daemon()
            print(f"    {what}, killed after {delay} s", flush=True)

        killed("RunInstances")
        host.lab.state_is(instance, "running")
        image = host.lab.ec2.create_image(InstanceId=instance, Name=f"killed-{delay}", NoReboot=True)["ImageId"]
        killed("CreateImage")
        wait("the image", lambda: host.lab.ec2.describe_images(ImageIds=[image])["Images"][0]["State"] == "available", 60)
        volume = host.lab.create(Size=1)
        host.lab.ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
        killed("AttachVolume")
        wait("the volume", lambda: [a["State"] for a in host.lab.volume(volume)["Attachments"]] == ["attached"], 60)
        host.lab.ec2.stop_instances(InstanceIds=[instance], Force=True)
        killed("StopInstances")
        host.lab.state_is(instance, "stopped")
        host.lab.ec2.terminate_instances(InstanceIds=[instance])
        killed("TerminateInstances")
        host.lab.state_is(instance, "terminated")
        host.lab.volume_is(volume, "available")
        host.lab.ec2.delete_volume(VolumeId=volume)
        wait("its folder to go", lambda: not host.folder(instance).exists(), 30)


def killed_while_away(host):
    """A machine that ends while nobody looks is stopped when somebody looks again, and starts again."""
    instance = host.launch()
    with daemon_away(host):
        kill_process(host.pid(f"machines/{instance}/qemu.pid"))
    host.told(instance)
    host.lab.ec2.start_instances(InstanceIds=[instance])
    host.lab.state_is(instance, "running")
    host.terminate(instance)


def numbers_of_others(host):
    """The numbers of dead processes are others' now. Nobody signals those."""
    instance = host.launch()
    others = host.others(instance)
    with daemon_away(host):
        kill_process(host.pid(f"machines/{instance}/qemu.pid"))
        for name, other in zip(["net.pid", "qemu.pid"], others):
            (host.folder(instance) / name).write_text(f"{other.pid}\n")
    host.told(instance)
    host.terminate(instance)
    for other in others:
        assert other.poll() is None, f"{other.args} was ended with {other.returncode}"
        other.kill()
        other.wait()


def litter(host):
    """Pid files with garbage, files in the place of sockets, and leftovers of other versions."""
    instance = host.launch()
    qemu = host.pid(f"machines/{instance}/qemu.pid")
    blk = host.pid("blk.pid")
    with daemon_away(host):
        kill_process(qemu)
        folder = host.folder(instance)
        for name, text in [("qemu.pid", "-1\n"), ("net.pid", "99999999999999999999\n"), ("old.state", "of 0.1\n"),
                           ("net.json.new", "half"), ("started.new", "half"), ("qmp.sock.old", "")]:
            (folder / name).write_text(text)
        (folder / "old.d").mkdir()
        (folder / "old.d" / "file").write_text("of 0.1\n")
        (host.run / "blk.pid").write_text("garbage \0\n" * 1000)
        (host.run / "blk.next.sock").write_text("no socket")
        (host.run / "machines" / "notes").write_text("of an operator\n")
        (host.run / "machines" / "i-00000000000000001").mkdir()
        (host.run / "machines" / "i-00000000000000002").write_text("no folder\n")
        (host.run / "admin.sock").unlink(missing_ok=True)
        (host.run / "admin.sock").write_text("no socket")
    host.told(instance)
    assert os.path.exists(f"/proc/{blk}"), "karat-blk was found by its socket"
    host.lab.ec2.start_instances(InstanceIds=[instance])
    host.lab.state_is(instance, "running")
    host.daemon.karat("status")
    host.lab.ec2.terminate_instances(InstanceIds=[instance])
    host.lab.state_is(instance, "terminated")
    wait("all to go but the folder that is not ours", lambda: os.listdir(host.folder(instance)) == ["old.d"], 30)
    assert (host.run / "machines" / "notes").exists(), "what is not ours stays"


def run_deleted(host):
    """Somebody deletes run/ with all pid files and sockets. No machine stays that nobody can command."""
    instance = host.launch()
    qemu = host.pid(f"machines/{instance}/qemu.pid")
    with daemon_away(host):
        shutil.rmtree(host.run)
    host.told(instance)
    wait("the machine that nobody can command to end", lambda: not os.path.exists(f"/proc/{qemu}"), 30)
    host.lab.ec2.start_instances(InstanceIds=[instance])
    host.lab.state_is(instance, "running")
    host.terminate(instance)


def run_full(host):
    """run/ is a small file system of its own, and full. Once there is room, all goes on."""
    with daemon_away(host):
        end_blk(host)
        shutil.rmtree(host.run)
        host.run.mkdir(mode=0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", host.run], check=True)
    full = host.run / "full"
    with contextlib.suppress(OSError):
        with full.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
    instance = host.lab.launch(host.image)
    time.sleep(2)
    assert host.state(instance) in ("pending", "running"), host.state(instance)
    full.unlink()
    host.lab.state_is(instance, "running")
    host.terminate(instance)
    with daemon_away(host):
        end_blk(host)
        subprocess.run(["umount", "-l", host.run], check=True)


def end_blk(host):
    kill_process(host.pid("blk.pid"))


def host_restarts(host):
    """All processes are gone, and so is run/, as where it is in memory."""
    instances = [host.launch(), host.launch()]
    stopped = host.launch()
    host.lab.ec2.stop_instances(InstanceIds=[stopped], Force=True)
    host.lab.state_is(stopped, "stopped")
    with daemon_away(host):
        for instance in instances:
            kill_process(host.pid(f"machines/{instance}/qemu.pid"))
        end_blk(host)
        time.sleep(0.5)
        shutil.rmtree(host.run)
    host.told(*instances, stopped)
    host.lab.ec2.start_instances(InstanceIds=instances)
    for instance in instances:
        host.lab.state_is(instance, "running")
    host.terminate(*instances, stopped)


def main():
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    need_guests()
    daemon = Daemon(None, "accelerator=tcg", "terminated_for_seconds=6")
    try:
        host = Host(daemon)
        for what in [killed_while_away, numbers_of_others, litter, run_deleted, run_full, host_restarts]:
            print(what.__name__, flush=True)
            what(host)
        print("killed_amid", flush=True)
        killed_amid(host, times)
    except BaseException:
        print(pathlib.Path(daemon.data, "karatd.log").read_text()[-6000:])
        raise
    finally:
        if os.path.ismount(f"{daemon.data}/run"):
            subprocess.run(["umount", "-l", f"{daemon.data}/run"], check=False)
        daemon.stop()
    print("well")


main()
