#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What reaches whom from inside the confinement of QEMU, karat-net and karat-blk, beside two running guests: probe.py takes
the place of each program, started with the very words that the daemon gave karat-confine, and nothing that it tries may
succeed. Then the running processes are looked at as the kernel shows them."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "aws"))
import lab as labs  # noqa: E402
from karat_daemon import RELEASE, Daemon  # noqa: E402
from lab import Lab  # noqa: E402

PROBE = pathlib.Path(__file__).with_name("probe.py").read_text()
PROGRAMS = ["karatd", "karat", "karat-net", "karat-blk.so"]
# Notes the words of each call, and goes on as karat-confine.
RECORDER = """#!/bin/sh
here=$(dirname "$0")
printf '%s\\0' "$@" >"$here/calls/$$"
exec "$here/karat-confine.real" "$@"
"""


def recording_programs(folder):
    for name in PROGRAMS:
        shutil.copy2(RELEASE / name, folder)
    shutil.copy2(RELEASE / "karat-confine", folder / "karat-confine.real")
    (folder / "karat-confine").write_text(RECORDER)
    (folder / "karat-confine").chmod(0o755)
    (folder / "calls").mkdir()


def words_of(programs, pid):
    words = (programs / "calls" / str(pid)).read_text().split("\0")[:-1]
    return words[:words.index("--") + 1]


def probe(programs, pid, target):
    """What a taken-over process with this number could do."""
    words = [word for word in words_of(programs, pid) if not word.startswith(("--pid-file=", "--directory="))]
    ran = subprocess.run([programs / "karat-confine.real", *words, "/usr/bin/python3", "-c", PROBE, json.dumps(target)],
                         capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def facts_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


class Guest:
    def __init__(self, lab, image, foreign):
        self.id = lab.launch(image)
        lab.state_is(self.id, "running")
        run = pathlib.Path(lab.daemon.data, "run")
        self.folder = run / "machines" / self.id
        self.metadata = run / "imds" / self.id
        self.qemu, self.net = (int((self.folder / f"{name}.pid").read_text()) for name in ("qemu", "net"))
        self.volume = lab.instance(self.id)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
        self.disks = [str(one) for one in lab.overlays(self.volume)]
        self.snapshot = lab.volume(self.volume)["SnapshotId"]
        self.foreign = foreign

    def sockets(self):
        return [str(one) for one in [*self.folder.glob("*.sock"), *self.folder.glob("net/*.sock"), self.metadata]]

    def files(self):
        return [str(one) for one in self.folder.rglob("*") if one.is_file()] + self.disks


def secrets(daemon, other):
    """What none of the processes may get at."""
    data = pathlib.Path(daemon.data)
    port = int(daemon.endpoint.rsplit(":", 1)[1])
    names = ["catalog.sqlite", "encryption-keys", "karatd.log", "lock", "run/endpoint"]
    return {"files": [str(data / name) for name in names] + other.files(),
            "names": [*names, "admin.sock", other.id, other.volume],
            "folders": [str(one) for one in (data, data / "run", data / "run/machines", data / "volumes", data / "store",
                                            other.folder, other.folder / "net", "/root", "/home", "/sys")],
            "sockets": [str(data / "run/admin.sock"), *other.sockets()],
            "addresses": [["127.0.0.1", port]],
            "exports": [[str(data / "run/nbd/blk.sock"), other.foreign]],
            "processes": [daemon.process.pid, other.qemu, other.net, 1]}


def targets(daemon, one, other):
    """By name: the number of a process, and what is tried in its place."""
    data = pathlib.Path(daemon.data)
    qemu = secrets(daemon, other)
    qemu["sockets"] += one.sockets()
    qemu["own_files"] = one.disks
    qemu["own_exports"] = [[str(data / "run/nbd/blk.sock"), one.snapshot]]
    net = secrets(daemon, other)
    net["files"] += one.disks
    net["sockets"] += [str(one.folder / "qmp.sock")]
    net["addresses"] = []  # it has the host's network
    net["own_folders"] = [str(one.folder / "net")]
    blk = secrets(daemon, other)
    blk["files"] += one.disks
    blk["folders"].remove(str(data / "store"))
    blk["exports"] = []  # it serves them
    blk["own_folders"] = [str(data / "store"), str(data / "cache")]
    return {"qemu": (one.qemu, qemu), "karat-net": (one.net, net), "karat-blk": (blk_pid(daemon), blk)}


def blk_pid(daemon):
    return int(pathlib.Path(daemon.data, "run/blk.pid").read_text())


def check_process(name, pid, others):
    """The kernel's own words about a running process."""
    facts = facts_of(pid)
    assert facts["NoNewPrivs"] == "1" and facts["Seccomp"] == "2", (name, facts)
    assert int(facts["CapEff"], 16) == int(facts["CapPrm"], 16) == 0 or name == "karat-net", (name, facts)
    allowed = 1 << 10 if name == "karat-net" else 0  # ports below 1024
    for which in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"):
        assert int(facts[which], 16) & ~allowed == 0, (name, which, facts)
    users = set(facts["Uid"].split())
    assert len(users) == 1 and users.isdisjoint({"0"}), (name, users)
    assert users.isdisjoint(others), f"{name} shares its user"
    spaces = ["mnt", "ipc", "uts"] + ([] if name == "karat-net" else ["net"])
    for space in spaces:
        assert os.readlink(f"/proc/{pid}/ns/{space}") != os.readlink(f"/proc/self/ns/{space}"), (name, space)
    groups = pathlib.Path(f"/proc/{pid}/cgroup").read_text()
    assert "/karat/" in groups, (name, groups)
    return users


def test(daemon, programs):
    lab = Lab(daemon)
    daemon.karat("encryption-key", "create", "--account", "demo", "--alias", "alias/web")
    image = lab.import_seed()
    lab.open_web()
    foreign = lab.own_copy()  # a snapshot that no guest has
    one, other = Guest(lab, image, foreign), Guest(lab, image, foreign)
    lab.answers(one.id)  # confined, and well
    seen = set()
    for name, pid in [("karat-blk", blk_pid(daemon)), ("qemu", one.qemu), ("qemu", other.qemu), ("karat-net", one.net),
                      ("karat-net", other.net)]:
        seen |= check_process(name, pid, seen)
    status = json.loads(daemon.karat("--json", "status").stdout)
    print("in force:", *status["isolation"], sep="\n  ")
    print("missing:", *status["isolation_missing"], sep="\n  ")
    for name, (pid, target) in targets(daemon, one, other).items():
        found = probe(programs, pid, target)
        print(f"{name}: {len(found['succeeded'])} of {found['tried']} attempts succeed")
        assert not found["succeeded"], (name, found["succeeded"])
        assert not found["failed"], (name, found["failed"])


def main():
    labs.need_guests()
    if os.geteuid() != 0:
        print("SKIPPED: users and control groups of their own need root")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="karat-programs-") as folder:
        programs = pathlib.Path(folder)
        recording_programs(programs)
        daemon = Daemon(None, "accelerator=tcg", programs=programs)
        try:
            test(daemon, programs)
        except BaseException:
            print(pathlib.Path(daemon.data, "karatd.log").read_text()[-4000:])
            raise
        finally:
            daemon.stop()
    print("well")


if __name__ == "__main__":
    main()
