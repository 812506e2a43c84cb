#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the HTTP edge: `http_edge.py [idle] [floods] [bodies]`; all three without arguments.

idle    signed calls beside 10,000 idle connections, and beside 10,000 slow strangers, against the same calls to a
        second daemon that has none. Each pair of calls is made at the same moment, a hundred pairs a second, so that
        whatever else the machine does falls on both.
floods  calls of one door at a fixed rate, while the other two doors are flooded and while they are not, in turns.
bodies  processor time of a call whose parameters fill the largest body.

Where it may, it runs at a high priority; the floods run below that, as if from another machine."""
import http.client
import multiprocessing
import os
import pathlib
import random
import select
import signal
import socket
import statistics
import sys
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/aws"))
from karat_daemon import Daemon  # noqa: E402

import botocore.auth  # noqa: E402
import botocore.awsrequest  # noqa: E402
import botocore.credentials  # noqa: E402

HELD = int(os.environ.get("HELD", 10_000))
ROUNDS = int(os.environ.get("ROUNDS", 5))
PAIRS = 2000          # a round
PAIR_SECONDS = 0.01
TURN_SECONDS = 4      # of the floods
CALL_SECONDS = 0.01   # between two calls of a door while floods are looked at; half of what a guest may ask
MOST_BODY = 1 << 20


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def p99(values):
    return percentile(values, 0.99)


def cpu_seconds(pid):
    """Processor time of all threads, to the nanosecond."""
    return sum(int(task.read_text().split()[0]) for task in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def memory(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024


def sockets(pid):
    folder = f"/proc/{pid}/fd"
    count = 0
    for name in os.listdir(folder):
        try:
            count += os.readlink(f"{folder}/{name}").startswith("socket:")
        except FileNotFoundError:
            pass
    return count


def signed(daemon, keys, body, service="ec2", headers=None):
    """A whole request, as bytes."""
    request = botocore.awsrequest.AWSRequest(
        "POST", daemon.endpoint + "/", data=body,
        headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", **(headers or {})})
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(*keys), service, "us-east-1").add_auth(request)
    lines = ["POST / HTTP/1.1", "Host: " + daemon.endpoint.removeprefix("http://"), f"Content-Length: {len(body)}",
             *(f"{name}: {value}" for name, value in request.headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body.encode()


def describe(daemon, keys):
    return signed(daemon, keys, "Action=DescribeImages&Version=2016-11-15&Owner.1=self")


class Line:
    """One connection that stays open."""

    def __init__(self, address):
        self.address = address
        self.open()

    def open(self):
        tcp = isinstance(self.address, tuple)
        self.socket = socket.socket(socket.AF_INET if tcp else socket.AF_UNIX)
        self.socket.connect(self.address)
        if tcp:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, request):
        """Milliseconds, and the reply's body."""
        began = time.perf_counter()
        self.socket.sendall(request)
        text = self.socket.recv(1 << 16)
        while b"\r\n\r\n" not in text:
            text += self.more()
        head, _, body = text.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(body) < length:
            body += self.more()
        took = (time.perf_counter() - began) * 1000
        assert head.startswith(b"HTTP/1.1 200"), head + body
        return took, body

    def more(self):
        part = self.socket.recv(1 << 16)
        if not part:
            raise ConnectionError("the connection ended")
        return part


def address_of(daemon):
    host, port = daemon.endpoint.removeprefix("http://").split(":")
    return host, int(port)


class Holder:
    """A process with many connections: idle ones, on each of which a call was signed, or strangers that send a head
    so slowly that it never ends. Whoever is closed comes again."""

    def __init__(self, address, call=None):
        self.count = multiprocessing.Value("i", 0)
        self.process = multiprocessing.Process(target=self.hold, args=(address, call), daemon=True)
        self.process.start()

    def hold(self, address, call):
        poll, lines = select.epoll(), {}

        def begin():
            one = Line(address)
            if call:
                one.call(call)
            else:
                one.socket.send(b"POST / HTTP/1.1\r\nHost: karat\r\nX: ")
            one.socket.setblocking(False)
            lines[one.socket.fileno()] = one
            poll.register(one.socket.fileno(), select.EPOLLIN | select.EPOLLRDHUP)

        turn = []
        while True:
            for number, _ in poll.poll(0):
                lines.pop(number).socket.close()
            for _ in range(min(50, HELD - len(lines))):
                begin()
            self.count.value = len(lines)
            if not call:  # a byte each, every three seconds or so
                turn = turn or list(lines.values())
                for one in [turn.pop() for _ in range(min(33, len(turn)))]:
                    try:
                        one.socket.send(b"x")
                    except OSError:
                        pass
            time.sleep(0.01)

    def wait(self):
        deadline = time.time() + 300
        while self.count.value < HELD * 0.98:
            assert time.time() < deadline and self.process.is_alive(), f"only {self.count.value} connections"
            time.sleep(0.2)

    def end(self):
        self.process.kill()
        self.process.join()


def pairs(first, second):
    """Calls to two daemons at the same moments; milliseconds of each."""
    took = ([], [])
    due = time.perf_counter()
    for _ in range(PAIRS):
        due += PAIR_SECONDS
        time.sleep(max(0, due - time.perf_counter()))
        for which in random.sample((0, 1), 2):
            line, request = (first, second)[which]
            took[which].append(line.call(request)[0])
    return took


def idle():
    beside, alone = Daemon(), Daemon()
    try:
        keys = {one: one.keys("demo") for one in (beside, alone)}
        pid = beside.process.pid

        def target(one):
            line, call = Line(address_of(one)), describe(one, keys[one])
            line.call(call)
            return line, call

        pairs(target(beside), target(alone))  # warms up
        start = (memory(pid), sockets(pid))
        row("beside", "p50 beside / alone", "p99 of all rounds, beside / alone", "ratio (of single rounds)", "bar",
            "CPU of karatd for them", "memory of karatd", "sockets 20 s after")
        row(*["---"] * 8)
        for name, call in (("nobody", False), (f"{HELD:,} idle", True), (f"{HELD:,} slow strangers", False)):
            holder = None
            if name != "nobody":
                holder = Holder(address_of(beside), describe(beside, keys[beside]) if call else None)
                holder.wait()
            rounds, before = [], (cpu_seconds(pid), cpu_seconds(alone.process.pid), time.time())
            for _ in range(ROUNDS):
                rounds.append(pairs(target(beside), target(alone)))
            seconds = time.time() - before[2]
            cpu = (cpu_seconds(pid) - before[0] - (cpu_seconds(alone.process.pid) - before[1])) / seconds
            held, most = sockets(pid), memory(pid)
            if holder:
                holder.end()
                time.sleep(20)
            ratios = [p99(a) / p99(b) for a, b in rounds]
            whole = [p99([took for one in rounds for took in one[i]]) for i in (0, 1)]
            row(f"{name} ({held - start[1]:,} connections)",
                " / ".join(f"{statistics.median(statistics.median(one[i]) for one in rounds):.2f} ms" for i in (0, 1)),
                " / ".join(f"{one:.2f} ms" for one in whole),
                f"{whole[0] / whole[1]:.2f} ({min(ratios):.2f} to {max(ratios):.2f})", "1.2", f"{cpu:.1%}",
                f"{start[0]:.0f} -> {most:.0f} MiB", f"{sockets(pid) - start[1]:+}")
    finally:
        beside.stop()
        alone.stop()


class Door:
    """What is asked at a door, and where."""

    def __init__(self, name, address, request, lines):
        self.name, self.address, self.request, self.lines = name, address, request, lines

    def probe(self, seconds):
        """Calls at a fixed rate over one connection; milliseconds of each, counted from when it was due."""
        line, took = Line(self.address), []
        due = time.perf_counter()
        for _ in range(int(seconds / CALL_SECONDS)):
            due += CALL_SECONDS
            time.sleep(max(0, due - time.perf_counter()))
            line.call(self.request)
            took.append((time.perf_counter() - due) * 1000)
        return took

    def flood(self, counter):
        """Calls without end over several connections, each of which asks again as soon as it is answered."""
        os.nice(5)
        poll, lines = select.epoll(), {}
        for _ in range(self.lines):
            one = Line(self.address)
            lines[one.socket.fileno()] = one
            poll.register(one.socket.fileno(), select.EPOLLIN)
            one.socket.sendall(self.request)
        while True:
            for number, _ in poll.poll():
                one = lines[number]
                text = one.socket.recv(1 << 20)
                if not text:
                    poll.unregister(number)
                    one.open()
                    lines[one.socket.fileno()] = one
                    poll.register(one.socket.fileno(), select.EPOLLIN)
                    one.socket.sendall(self.request)
                elif text.rstrip().endswith((b">", b"}", b"2")) or b"\r\n\r\n" in text:
                    counter.value += 1
                    one.socket.sendall(self.request)


def guest(daemon, keys):
    """A machine without a system: its metadata socket is what counts. Answers the socket's path."""
    disk = pathlib.Path(daemon.data, "empty.raw")
    disk.write_bytes(bytes(1 << 20))
    daemon.karat("image", "import", str(disk), "--account", "demo", "--format", "raw", "--name", "empty",
                 "--root-device-name", "/dev/xvda")
    ec2 = daemon.client(keys)
    image = ec2.describe_images(Owners=["self"])["Images"][0]["ImageId"]
    ec2.run_instances(ImageId=image, InstanceType="t3.nano", MinCount=1, MaxCount=1)
    for _ in range(600):
        found = [path for path in pathlib.Path(daemon.data, "run/imds").glob("*") if path.is_socket()]
        if found:
            return str(found[0])
        time.sleep(0.1)
    sys.exit("the guest has no metadata socket")


def token(path):
    line = Line(path)
    return line.call(b"PUT /latest/api/token HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
                     b"X-aws-ec2-metadata-token-ttl-seconds: 21600\r\n\r\n")[1].decode()


def floods():
    daemon = Daemon()
    try:
        keys = daemon.keys("demo")
        path = guest(daemon, keys)
        time.sleep(5)
        asked = f"GET /latest/meta-data/instance-id HTTP/1.1\r\nHost: x\r\nX-aws-ec2-metadata-token: {token(path)}\r\n\r\n"
        doors = [Door("guests' metadata", path, asked.encode(), 16),
                 Door("signed calls", address_of(daemon), describe(daemon, keys), 32),
                 Door("operators' commands", f"{daemon.data}/run/admin.sock",
                      b"POST /v1/account-list HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 16)]
        row("asked, 100 a second", "p50 alone / flooded", "p99 alone / flooded, medians of the rounds",
            "the other two doors' answers a second meanwhile", "CPU of karatd, alone / flooded")
        row(*["---"] * 5)
        for door in doors:
            others = [one for one in doors if one is not door]
            counters = [multiprocessing.Value("q", 0, lock=False) for _ in others]
            quiet, flooded, rates, cpu = [], [], [[], []], ([], [])
            for _ in range(ROUNDS):
                before = cpu_seconds(daemon.process.pid)
                quiet.append(door.probe(TURN_SECONDS))
                cpu[0].append((cpu_seconds(daemon.process.pid) - before) / TURN_SECONDS)
                running = [multiprocessing.Process(target=one.flood, args=(counter,), daemon=True)
                           for one, counter in zip(others, counters)]
                for one in running:
                    one.start()
                time.sleep(1)
                before = cpu_seconds(daemon.process.pid), [one.value for one in counters]
                flooded.append(door.probe(TURN_SECONDS))
                cpu[1].append((cpu_seconds(daemon.process.pid) - before[0]) / TURN_SECONDS)
                for rate, counter, began in zip(rates, counters, before[1]):
                    rate.append((counter.value - began) / TURN_SECONDS)
                for one in running:
                    one.kill()
                    one.join()
                time.sleep(1)
            row(door.name, *(" / ".join(f"{statistics.median(what(one) for one in arm):.2f} ms" for arm in (quiet, flooded))
                             for what in (statistics.median, p99)),
                ", ".join(f"{one.name} {statistics.median(rate):,.0f}" for one, rate in zip(others, rates)),
                " / ".join(f"{statistics.median(one):.0%}" for one in cpu))
    finally:
        daemon.stop()


def fill(first, part):
    """As many numbered parts as a body holds."""
    texts, size, number = [first], len(first), 0
    while True:
        number += 1
        text = part.format(number)
        size += len(text)
        if size > MOST_BODY:
            return "".join(texts)
        texts.append(text)


def bodies():
    daemon = Daemon()
    try:
        keys = daemon.keys("demo")
        head = "Version=2016-11-15&Action="
        calls = {
            "one value": head + "DescribeImages&Owner.1=" + "x" * (MOST_BODY - 60),
            "one value, each letter percent-encoded": head + "DescribeImages&Owner.1=" + "%41" * (MOST_BODY // 3 - 30),
            "a list of ids": fill(head + "DescribeImages", "&ImageId.{0}=ami-0123456789abcdef0"),
            "a list of short values": fill(head + "DescribeImages", "&Owner.{0}=1"),
            "filters": fill(head + "DescribeImages", "&Filter.{0}.Name=name&Filter.{0}.Value.1=x"),
            "one filter's values": fill(head + "DescribeInstances&Filter.1.Name=tag:x", "&Filter.1.Value.{0}=x"),
            "tags": fill(head + "CreateTags&ResourceId.1=ami-0123456789abcdef0", "&Tag.{0}.Key=k{0}&Tag.{0}.Value=v"),
            "unknown names": fill(head + "DescribeImages", "&A{0}=1"),
            "names without a value": head + "DescribeImages&" + "a&" * (MOST_BODY // 2 - 30),
            "only separators": head + "DescribeImages" + "&" * (MOST_BODY - 60),
            "a list of disks": fill(head + "RunInstances&MinCount=1&MaxCount=1&ImageId=ami-0123456789abcdef0",
                                    "&BlockDeviceMapping.{0}.Ebs.VolumeSize=1"),
            "deep names": head + "DescribeImages&" + "A." * (MOST_BODY // 2 - 30) + "=1",
        }
        row("1 MiB of", "CPU, median of 15 (worst)", "answer", "bar")
        row("---", "---", "---", "---")
        for name, body in calls.items():
            took = []
            for _ in range(15):
                request = signed(daemon, keys, body)
                before = cpu_seconds(daemon.process.pid)
                status = ask(daemon, request)
                took.append((cpu_seconds(daemon.process.pid) - before) * 1000)
            row(name, f"{statistics.median(took):.1f} ms ({max(took):.1f})", status, "20 ms")
    finally:
        daemon.stop()


def ask(daemon, request):
    connection = http.client.HTTPConnection(*address_of(daemon))
    connection.connect()
    connection.sock.sendall(request)
    reply = http.client.HTTPResponse(connection.sock)
    reply.begin()
    text = reply.read().decode(errors="replace")
    connection.close()
    code = text.split("<Code>")[1].split("<")[0] if "<Code>" in text else ""
    return f"{reply.status} {code}"


def main():
    try:
        os.nice(-15)
        if os.getpid() != os.getsid(0) and os.getpid() != os.getpgid(0):
            os.setsid()  # the kernel shares processor time between sessions first
        pathlib.Path("/proc/self/autogroup").write_text("-15")
    except OSError:
        print("(at normal priority: other programs' work shows)")
    parts = {"idle": idle, "floods": floods, "bodies": bodies}
    for name in sys.argv[1:] or parts:
        parts[name]()


if __name__ == "__main__":
    main()
