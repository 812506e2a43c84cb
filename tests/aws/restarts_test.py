#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A guest that reads and writes uncached blocks and asks for metadata, all the time, while what serves it is ended, killed,
exchanged and upgraded: it sees no error and no wait of over 2 s, and where something is stopped for a while (SIGSTOP), none
of over 2 s more than that. `restarts_test.py RESTARTS EXCHANGES STOP_SECONDS [PREVIOUS]`, where PREVIOUS is a directory
with the programs of an earlier version, to begin with."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import lab as labs
from karat_daemon import RELEASE, Daemon
from lab import Lab, wait

LONGEST_WAIT_S = 2.0
PROGRAMS = ["karatd", "karat", "karat-net", "karat-blk.so", "karat-confine"]

# Three loops. Each keeps in /run/probe/NAME: how often, how many errors, the longest time in hundredths of a second.
PROBES = r"""
cat >/usr/bin/probe <<'END'
#!/bin/sh
name=$1 count=0 errors=0 longest=0 number=$$
stamp() { read -r up _ </proc/uptime; stamp=${up%.*}${up#*.}; }
read_blocks() {
    dd if=/dev/vda of=/dev/null bs=64k count=1 iflag=direct skip=$((number % 4100)) 2>&1
}
write_blocks() {
    dd if=/dev/urandom of=/root/probe bs=4k count=1 conv=notrunc,fsync seek=$((number % 4000)) 2>&1
}
ask_metadata() {
    [ $((count % 2)) = 0 ] && rm -f /run/karat/imds-token
    [ "$(imds meta-data/instance-id 2>&1)" = "$INSTANCE" ]
}
INSTANCE=$(imds meta-data/instance-id)
mkdir -p /run/probe
while :; do
    number=$((number * 1103 % 65521 + 1))
    stamp; begin=$stamp
    $name >/run/probe/$name.said || { errors=$((errors + 1)); { echo "at $begin:"; cat /run/probe/$name.said; } >>/run/probe/errors; }
    stamp; took=$((stamp - begin)) count=$((count + 1))
    [ -e /run/probe/$name.anew ] && rm /run/probe/$name.anew && longest=0
    [ $took -gt $longest ] && longest=$took
    echo "$name $count $errors $longest" >/run/probe/$name.new
    mv /run/probe/$name.new /run/probe/$name
    usleep 30000
done
END
cat >/etc/rc.d/60-probes <<'END'
#!/bin/sh
for name in read_blocks write_blocks ask_metadata; do setsid probe $name </dev/null >/dev/null 2>&1 & done
END
chmod +x /usr/bin/probe /etc/rc.d/60-probes
"""
LOOPS = ["read_blocks", "write_blocks", "ask_metadata"]
BOOT_BLOCKS = "dd if=/dev/vda1 bs=1M iflag=direct 2>/dev/null | md5sum"  # of the seed image; the guest does not write them


class Watch:
    """What the guest's loops have seen."""

    def __init__(self, lab, instance):
        self.address = lab.instance(instance)["PublicIpAddress"]
        self.lab = lab
        self.worst = {}  # (what was done, loop) -> seconds
        self.bounds = {}  # what was done -> seconds
        self.errors = 0
        wait("the loops", lambda: len(self.look()) == len(LOOPS))

    def look(self, anew=False):
        """Of each loop: count, errors, longest."""
        script = "cd /run/probe && cat " + " ".join(LOOPS)
        if anew:
            script += "; touch " + " ".join(f"{loop}.anew" for loop in LOOPS)
        text = self.lab.try_run(self.address, script) or ""
        rows = [line.split() for line in text.splitlines() if line.split()[0] in LOOPS]
        return {row[0]: [int(number) for number in row[1:]] for row in rows if len(row) == 4}

    def through(self, what, act, bound=LONGEST_WAIT_S):
        """Does something to the service, and waits until each loop has gone on for two rounds after it."""
        self.bounds[what] = bound
        before = wait("the guest", lambda: len(found := self.look(anew=True)) == len(LOOPS) and found)
        act()
        done = self.look() or before
        deadline = time.time() + 60

        def gone_on():
            assert time.time() < deadline, f"after {what} the guest's loops stand still: {done} and {self.look()}"
            now = self.look()
            return len(now) == len(LOOPS) and all(now[one][0] >= done[one][0] + 2 for one in LOOPS) and now

        after = wait("the loops to go on", gone_on)
        for loop in LOOPS:
            key = (what, loop)
            self.worst[key] = max(self.worst.get(key, 0), after[loop][2] / 100)
        self.errors = sum(row[1] for row in after.values())

    def report(self):
        for what in dict.fromkeys(what for what, _ in self.worst):
            print(f"{what:32}" + "".join(f"  {loop} {self.worst[what, loop]:.2f} s" for loop in LOOPS), flush=True)
        said = self.lab.try_run(self.address, "cat /run/probe/errors 2>/dev/null") or ""
        assert self.errors == 0, f"the guest saw {self.errors} errors:\n{said}"
        longest = max(wait for (what, _), wait in self.worst.items() if self.bounds[what] == LONGEST_WAIT_S)
        print(f"0 errors; longest wait {longest:.2f} s, but for what was stopped")
        for (what, loop), seconds in self.worst.items():
            assert seconds <= self.bounds[what], f"{what}: {loop} waited for {seconds} s"


def launch(lab):
    image = lab.import_seed()
    lab.open_web()
    labs.USER_DATA += PROBES
    instance = lab.launch(image)
    lab.state_is(instance, "running")
    lab.answers(instance)
    return instance


def upgrade(daemon, to):
    """As docs/operating.md says: new files are renamed over the old ones, then the daemon is started anew."""
    for name in PROGRAMS:
        shutil.copy2(pathlib.Path(to, name), daemon.programs / f"{name}.new")
        os.rename(daemon.programs / f"{name}.new", daemon.programs / name)
    daemon.restart()
    daemon.karat("exchange", "net")


def pid(daemon, name):
    return int(pathlib.Path(daemon.data, "run", name).read_text())


def stop_for(process, seconds):
    """Neither dead nor alive."""
    os.kill(process, signal.SIGSTOP)
    time.sleep(seconds)
    try:
        os.kill(process, signal.SIGCONT)
    except ProcessLookupError:
        pass  # it was replaced


def test(daemon, restarts, exchanges, stop_seconds, new_programs):
    lab = Lab(daemon)
    instance = launch(lab)
    blocks = lab.run(instance, BOOT_BLOCKS)
    watch = Watch(lab, instance)
    net = f"machines/{instance}/net.pid"
    if new_programs:
        watch.through("upgrade", lambda: upgrade(daemon, new_programs))
    blk_pid, net_pid = pid(daemon, "blk.pid"), pid(daemon, net)
    for number in range(restarts):
        how = [signal.SIGTERM, signal.SIGKILL][number % 2]
        watch.through(f"daemon restarted after {how.name}", lambda: daemon.restart(signal=how))
    assert (blk_pid, net_pid) == (pid(daemon, "blk.pid"), pid(daemon, net)), "they outlive the daemon"
    for _ in range(exchanges):
        watch.through("karat-blk exchanged", lambda: daemon.karat("exchange", "blk"))
        watch.through("karat-net exchanged", lambda: daemon.karat("exchange", "net"))
    assert blk_pid != pid(daemon, "blk.pid") and net_pid != pid(daemon, net), "nothing was exchanged"
    for how in [signal.SIGTERM, signal.SIGKILL]:
        watch.through(f"karat-blk ended by {how.name}", lambda: os.kill(pid(daemon, "blk.pid"), how))
    stopped = [("karatd", lambda: daemon.process.pid), ("karat-net", lambda: pid(daemon, net)),
               ("karat-blk", lambda: pid(daemon, "blk.pid"))]
    for name, process in stopped:
        watch.through(f"{name} stopped for {stop_seconds} s", lambda: stop_for(process(), stop_seconds),
                      stop_seconds + LONGEST_WAIT_S)
    watch.report()
    lab = Lab(daemon, lab.keys)
    assert lab.run(instance, BOOT_BLOCKS) == blocks, "the blocks that were read are others now"
    lab.ec2.terminate_instances(InstanceIds=[instance])
    lab.state_is(instance, "terminated")


def main():
    restarts = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    exchanges = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    stop_seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    previous = sys.argv[4] if len(sys.argv) > 4 else None
    labs.need_guests()
    with tempfile.TemporaryDirectory(prefix="karat-programs-") as folder:
        for name in PROGRAMS:
            if pathlib.Path(previous or RELEASE, name).exists():  # an earlier version has fewer
                shutil.copy2(pathlib.Path(previous or RELEASE, name), folder)
        daemon = Daemon(None, "accelerator=tcg", programs=pathlib.Path(folder))
        try:
            test(daemon, restarts, exchanges, stop_seconds, RELEASE if previous else None)
        except BaseException:
            print(pathlib.Path(daemon.data, "karatd.log").read_text()[-4000:])
            raise
        finally:
            daemon.stop()
    print("well")


main()
