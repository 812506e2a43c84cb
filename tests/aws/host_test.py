#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What an operator gets on a host that lacks something: programs, KVM, room on the disk. One clear
sentence each, and nothing left behind. A missing privilege to make a small disk is skipped, aloud."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from karat_daemon import RELEASE, Daemon, end_helpers

MIB = 1 << 20
failures = []


def expect(what, condition, detail=""):
    print(("ok " if condition else "FAILED ") + what)
    if not condition:
        failures.append(f"{what}: {detail}")


def start(data, *settings, path=None):
    """A daemon that is expected to refuse to start: its exit code and what it says."""
    words = [word for setting in (f"data_directory={data}", "port=0", *settings) for word in ("--set", setting)]
    environment = dict(os.environ, PATH=path) if path else None
    try:
        done = subprocess.run([RELEASE / "karatd", *words], env=environment, text=True, capture_output=True, timeout=60)
        return done.returncode, done.stderr.splitlines()[-1]
    finally:
        end_helpers(data)


def without(program, package):
    """The daemon where everything is installed but one program."""
    with tempfile.TemporaryDirectory(prefix="karat-host-") as place:
        for other in {"nbdkit", "qemu-system-x86_64"} - {program}:
            os.symlink(shutil.which(other), f"{place}/{other}")
        code, said = start(f"{place}/data", "accelerator=tcg", path=place)
        expect(f"without {program} the package is named", code == 1 and package in said, said)


def without_kvm():
    with tempfile.TemporaryDirectory(prefix="karat-host-") as data:
        daemon = Daemon(data, "accelerator=auto")
        status = daemon.karat("status").stdout
        daemon.stop()
    if "accelerator\tkvm" in status:
        print("SKIPPED: KVM works here")
        return
    expect("status says why there is no KVM", "accelerator\ttcg" in status and "accelerator_reason" in status, status)
    with tempfile.TemporaryDirectory(prefix="karat-host-") as data:
        code, said = start(data, "accelerator=kvm")
        expect("KVM that is asked for and does not work is named", code == 1 and "KVM does not work here" in said, said)


def two_daemons():
    daemon = Daemon()
    try:
        with tempfile.TemporaryDirectory(prefix="karat-host-") as place:
            os.symlink(daemon.data, f"{place}/link")
            for path in (daemon.data, f"{place}/link"):
                words = [w for s in (f"data_directory={path}", "port=0") for w in ("--set", s)]
                done = subprocess.run([RELEASE / "karatd", *words], text=True, capture_output=True, timeout=60)
                expect("a second daemon is refused", done.returncode == 1 and "Another karatd runs over" in done.stderr,
                       done.stderr)
        expect("and the first goes on", daemon.karat("status", check=False).returncode == 0)
        daemon.restart(9)
        expect("a lock file that was left over is no lock", daemon.karat("status", check=False).returncode == 0)
    finally:
        daemon.stop()


def deleted_files():
    """What an operator's rm does under a running daemon: nothing that would be lost is acknowledged."""
    for name in ("catalog.sqlite", "catalog.sqlite-wal"):
        daemon = Daemon()
        try:
            data = pathlib.Path(daemon.data)
            daemon.keys("alice")
            (data / name).unlink()
            refused = daemon.karat("account", "create", "bob", check=False)
            expect(f"without {name} no change is taken",
                   refused.returncode == 1 and "catalog backup" in refused.stderr, refused)
            saved = daemon.karat("catalog", "backup", f"{data}/saved", check=False)
            daemon.process.terminate()
            daemon.process.wait(20)
            for left in data.glob("catalog.sqlite*"):
                left.unlink()
            os.rename(data / "saved", data / "catalog.sqlite")
            (data / "run/endpoint").unlink(missing_ok=True)
            daemon.start()
            kept = daemon.karat("account", "list").stdout
            expect("and the backup has what was acknowledged", saved.returncode == 0 and "alice" in kept, (saved, kept))
        finally:
            daemon.stop()


def odd_directories():
    with tempfile.TemporaryDirectory(prefix="karat-host-") as place:
        os.symlink(f"{place}/nowhere", f"{place}/link")
        pathlib.Path(place, "file").touch()
        for name in ("link", "file"):
            code, said = start(f"{place}/{name}", "accelerator=tcg")
            expect(f"a data directory that is a {name} is refused", code == 1 and "Cannot" in said, said)


def an_empty_store():
    daemon = Daemon()
    try:
        daemon.keys("alice")
        taken = import_random(daemon, 1, "first")
        expect("an image is taken", taken.returncode == 0, taken)
        daemon.process.terminate()
        daemon.process.wait(20)
        end_helpers(daemon.data)
        os.rename(f"{daemon.data}/store", f"{daemon.data}/elsewhere")
        code, said = start(daemon.data, "accelerator=tcg")
        expect("an empty store under a full catalog is refused", code == 1 and "Is its disk mounted?" in said, said)
        os.rmdir(f"{daemon.data}/store")
        os.symlink(f"{daemon.data}/elsewhere", f"{daemon.data}/store")
        daemon.start()
        checked = daemon.karat("store", "check", check=False)
        expect("a store behind a link is as good", checked.returncode == 0, checked)
    finally:
        daemon.stop()


def import_random(daemon, mebibytes, name):
    with tempfile.NamedTemporaryFile(suffix=".raw") as disk:
        disk.write(os.urandom(mebibytes * MIB))
        disk.flush()
        return daemon.karat("image", "import", disk.name, "--format", "raw", "--name", name, "--account", "alice", check=False)


def on_a_small_disk():
    """Runs in a mount namespace of its own, on a disk of 48 MiB."""
    with tempfile.TemporaryDirectory(prefix="karat-host-") as place:
        data = f"{place}/data"
        os.mkdir(data)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={48 * MIB}", "karat-test", data], check=True)
        daemon = Daemon(data, "keep_free_mib=4")
        try:
            daemon.keys("alice")
            refused = import_random(daemon, 80, "big")
            expect("a full disk is named", refused.returncode == 1 and "No space left on device" in refused.stderr,
                   refused.stderr)
            expect("no image is left", daemon.karat("image", "list", "--account", "alice").stdout == "")
            freed = daemon.karat("store", "gc", check=False)
            expect("the room comes back", shutil.disk_usage(data).used < 16 * MIB, freed)
            taken = import_random(daemon, 8, "small")
            expect("and an image that fits is taken", taken.returncode == 0, taken.stderr)
            checked = daemon.karat("store", "check", check=False)
            expect("the store is sound", checked.returncode == 0 and "damage\t[]" in checked.stdout, checked)
        finally:
            daemon.stop()
            subprocess.run(["umount", "--lazy", data], check=True)


def full_disk():
    if subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL).returncode != 0:
        print("SKIPPED: no privilege to make a small disk in a mount namespace")
        return
    done = subprocess.run(["unshare", "--mount", sys.executable, __file__, "on-a-small-disk"])
    expect("the full disk as a whole", done.returncode == 0)


def main():
    if sys.argv[1:] == ["on-a-small-disk"]:
        on_a_small_disk()
    else:
        without("qemu-system-x86_64", "qemu-system-x86")
        without("nbdkit", "nbdkit")
        without_kvm()
        two_daemons()
        deleted_files()
        odd_directories()
        an_empty_store()
        full_disk()
    print("\n".join(failures) or "all as expected")
    sys.exit(1 if failures else 0)


main()
