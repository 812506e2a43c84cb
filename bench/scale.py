#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""B15: a daemon with 100,000 images, 10,000 instances, 1,000 accounts and 100,000 parameters.

    scale.py [PART...] [--postgres] [--images N] [--instances N] [--accounts N] [--parameters N] [--seconds S] [--walk N]

With --postgres, the catalog is in a PostgreSQL server that this starts, on any core, with its files in build/scale.

The parts: start, by_id, pages, launches, changes, calls; all of them when none is named. The catalog is made once by
bench/scale_bench.cpp and kept in build/scale; each part begins with a copy of it. The machines are in memory, everything
else is as in karatd: HTTP on a connection that stays open, every call signed. The server has one core, the client the
other.
`pages` follows NextToken through the list, --walk pages at most."""
import argparse
import atexit
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials

ROOT = pathlib.Path(__file__).resolve().parents[1]
RELEASE = pathlib.Path(os.environ.get("KARAT_RELEASE", ROOT / "build/release"))
BENCH = RELEASE / "scale_bench"
PATIENCE = 90
PAGE = {"Action": "DescribeImages", "MaxResults": "1000"}


def row(what, measured, bar=""):
    print(f"| {what} | {measured} | {bar} |", flush=True)


def status(pid, field):
    """A figure of /proc/PID/status, in MiB."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.M)[1]) / 1024


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Postgres:
    """A server with Debian's settings, but for its memory; it syncs each commit. Ends with this program; its files stay,
    below a directory that nobody may enter."""

    def __init__(self, directory):
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
        if not found:
            sys.exit("postgresql-15 is not installed")
        self.socket = pathlib.Path(tempfile.mkdtemp(prefix="karat-bench-"))
        self.as_nobody = ["setpriv", "--pdeathsig", "QUIT"]
        directory.mkdir(exist_ok=True)
        if os.geteuid() == 0:  # which PostgreSQL refuses to run as
            os.chown(self.socket, 65534, 65534)
            os.chown(directory, 65534, 65534)
            self.as_nobody += ["--reuid", "65534", "--regid", "65534", "--clear-groups"]
        if not (directory / "data").exists():
            subprocess.run([*self.as_nobody, found[-1] / "initdb", "-D", directory / "data", "-A", "trust", "-U", "karat",
                            "-E", "UTF8", "--locale=C"], check=True, stdout=subprocess.DEVNULL)
        with open(self.socket / "log", "wb") as log:
            self.process = subprocess.Popen(
                [*self.as_nobody, found[-1] / "postgres", "-D", directory / "data", "-c", "listen_addresses=", "-c",
                 f"unix_socket_directories={self.socket}", "-c", "shared_buffers=256MB", "-c", "max_wal_size=4GB"],
                stdout=log, stderr=log)
        atexit.register(self.end)
        while subprocess.run(["pg_isready", "-q", "-h", self.socket, "-U", "karat", "-d", "postgres"]).returncode != 0:
            time.sleep(0.1)

    def url(self, database):
        return f"postgresql://karat@/{database}?host={self.socket}"

    def sql(self, text):
        subprocess.run(["psql", "-q", "-c", text, self.url("postgres")], check=True)

    def begin_run(self):
        """A copy of the database as it was made."""
        self.sql("DROP DATABASE IF EXISTS run")
        self.sql("CREATE DATABASE run TEMPLATE made STRATEGY file_copy")
        self.sql("CHECKPOINT")
        os.environ["KARAT_BENCH_CATALOG"] = self.url("run")

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
        shutil.rmtree(self.socket, ignore_errors=True)


postgres = None  # the server, with --postgres


def start_postgres(data, words):
    """With the same rows, made by the same program; its store, with the same names, is of no use."""
    global postgres
    postgres = Postgres(data / "postgres")
    made = data / "postgres-is-made"
    if made.exists():
        return
    postgres.sql("DROP DATABASE IF EXISTS made")
    postgres.sql("CREATE DATABASE made")
    shutil.rmtree(data / "postgres-store", ignore_errors=True)
    (data / "postgres-store").mkdir()
    subprocess.run([BENCH, "make", data / "postgres-store", *words], check=True,
                   env={**os.environ, "KARAT_BENCH_CATALOG": postgres.url("made")})
    made.touch()


def make_data(sizes):
    """The directory with the catalog of these sizes and today's schema; it is made when it is not there."""
    schema = subprocess.run([BENCH, "schema"], check=True, capture_output=True, text=True).stdout.strip()
    words = [str(size) for size in sizes]
    data = ROOT / "build/scale" / "-".join(["schema", schema, *words])
    if not (data / "made.sqlite").exists():
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(parents=True)
        began = time.time()
        subprocess.run([BENCH, "make", data, *words], check=True)
        (data / "catalog.sqlite").rename(data / "made.sqlite")
        print(f"made {data.name} in {time.time() - began:.0f} s, {(data / 'made.sqlite').stat().st_size >> 20} MiB")
    return data


def put_back(data):
    """The data as it was made."""
    for left in data.glob("catalog.sqlite*"):
        left.unlink()
    shutil.rmtree(data / "volumes", ignore_errors=True)
    if postgres:
        postgres.begin_run()
        return
    shutil.copyfile(data / "made.sqlite", data / "catalog.sqlite")


class Server:
    """The daemon over a fresh copy, on the first core unless said otherwise."""

    def __init__(self, data, cores="0"):
        self.data = data
        self.cores = cores
        self.facts = json.loads((data / "facts.json").read_text())

    def __enter__(self):
        put_back(self.data)
        self.process = subprocess.Popen(["taskset", "-c", self.cores, BENCH, "serve", self.data], stdout=subprocess.PIPE,
                                        text=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit("the daemon did not start")
        self.started = json.loads(line)
        self.port = self.started["port"]
        self.memory = status(self.process.pid, "VmRSS")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def settle(self):
        """Waits until the work of the start is through: the check of the catalog, the collection. Not longer than this."""
        idle, limit = 0, time.time() + PATIENCE
        while idle < 3 and time.time() < limit:
            before = cpu_seconds(self.process.pid)
            time.sleep(1)
            idle = idle + 1 if cpu_seconds(self.process.pid) - before < 0.05 else 0

    def signed(self, parameters):
        """The bytes of a signed call."""
        body = urllib.parse.urlencode({**parameters, "Version": "2016-11-15"}).encode()
        url = f"http://127.0.0.1:{self.port}/"
        request = botocore.awsrequest.AWSRequest(
            "POST", url, data=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
        keys = botocore.credentials.Credentials(self.facts["key"], self.facts["secret"])
        botocore.auth.SigV4Auth(keys, "ec2", "us-east-1").add_auth(request)
        lines = ["POST / HTTP/1.1", f"Host: 127.0.0.1:{self.port}", f"Content-Length: {len(body)}",
                 *(f"{name}: {value}" for name, value in request.headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + body

    def begin_load(self, name, calls, workers, seconds):
        plan = self.data / f"plan.{name}"
        plan.write_bytes(b"".join(struct.pack("<IIQI", len(call), 0, 0, 0) + call for call in map(self.signed, calls)))
        return subprocess.Popen(["taskset", "-c", "1", RELEASE / "signed_load", "send", plan, plan, str(workers),
                                 str(self.port), str(seconds)], stdout=subprocess.PIPE, text=True)

    def load(self, name, calls, workers, seconds):
        before = cpu_seconds(self.process.pid)
        client = self.begin_load(name, calls, workers, seconds)
        took = json.loads(client.communicate()[0])
        took["server_cpu_us"] = 1e6 * (cpu_seconds(self.process.pid) - before) / (took["rate"] * took["seconds"])
        return took

    def call(self, parameters):
        """One call over a connection of its own; answers seconds, the server's seconds of CPU meanwhile, and the body."""
        head, body = self.signed(parameters).split(b"\r\n\r\n", 1)
        before = cpu_seconds(self.process.pid)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        connection.connect()
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        began = time.perf_counter()
        connection.request("POST", "/", body, headers)
        reply = connection.getresponse()
        text = reply.read()
        took = time.perf_counter() - began
        connection.close()
        if reply.status != 200:
            sys.exit(f"{parameters}: {text[:500]}")
        return took, cpu_seconds(self.process.pid) - before, text.decode()


def by_id_calls(server):
    return [{"Action": "DescribeImages", "ImageId.1": image} for image in server.facts["images"]]


def tag_calls(server):
    return [{"Action": "CreateTags", "ResourceId.1": image, "Tag.1.Key": "touched", "Tag.1.Value": str(value)}
            for value in range(4) for image in server.facts["own_images"][:500]]


def in_words(took):
    refused = f", {took['refused']} refused" if took["refused"] else ""
    return (f"{took['rate']:,.0f}/s, p50 {took['p50_ms']:.1f} ms, p99 {took['p99_ms']:.1f} ms, "
            f"worst {took['worst_ms']:.0f} ms{refused}; {took['server_cpu_us']:,.0f} us of CPU a call")


def measure_start(data, _):
    starts = []
    for _ in range(3):
        with Server(data, cores="0,1") as server:
            starts.append((server.started["start_ms"], server.memory))
            began = time.time()
            server.settle()
            settled, peak = time.time() - began, status(server.process.pid, "VmHWM")
    row("daemon start on both cores, median of 3", f"{statistics.median(one[0] for one in starts) / 1000:.2f} s", "2 s")
    row("memory after it, median of 3", f"{statistics.median(one[1] for one in starts):.0f} MiB", "400 MB")
    row("… at most, until the work of the start was through", f"{peak:.0f} MiB after {settled:.0f} s")


def measure_by_id(data, options):
    with Server(data) as server:
        server.settle()
        for workers in 1, 8:
            row(f"DescribeImages by id, {workers} connections",
                in_words(server.load("by_id", by_id_calls(server), workers, options.seconds)), "15,000/s, p99 2 ms")
        writer = server.begin_load("writer", tag_calls(server), 1, options.seconds + 1)
        row("… while another client sends CreateTags without end",
            in_words(server.load("by_id", by_id_calls(server), 8, options.seconds)), "p99 2 ms")
        row("… which got", f"{json.loads(writer.communicate()[0])['rate']:,.0f}/s")


def several(server, what, parameters, bar, count=5):
    calls = sorted(server.call(parameters)[:2] for _ in range(count))
    row(what, f"median {1000 * calls[count // 2][0]:,.0f} ms, worst {1000 * calls[-1][0]:,.0f} ms, "
        f"{1000 * sum(cpu for _, cpu in calls) / count:,.0f} ms of CPU", bar)


def measure_pages(data, options):
    with Server(data) as server:
        server.settle()
        bar = "p99 15 ms"
        tag = {"Filter.1.Name": "tag:app", "Filter.1.Value.1": "app-0"}
        name = {"Filter.1.Name": "name", "Filter.1.Value.1": "app-1/build-000001"}
        several(server, "first page of 1,000", PAGE, bar)
        several(server, "first page of 1,000 of those with a tag", {**PAGE, **tag}, bar)
        several(server, "the one of a name", {**PAGE, **name}, bar)
        several(server, "first page of 1,000 of one's own", {**PAGE, "Owner.1": "self"}, bar)
        pages, token = [], {}
        while len(pages) < options.walk:
            took, _, text = server.call({**PAGE, **token})
            pages.append((1000 * took, len(re.findall("<imageId>", text)), len(text)))
            more = re.search("<nextToken>([^<]*)</nextToken>", text)
            if not more:
                break
            token = {"NextToken": more[1]}
        middle = len(pages) // 2
        for where, part in ("first", pages[:5]), ("middle", pages[middle - 2:middle + 3]), ("last", pages[-5:]):
            row(f"{where} 5 of {len(pages)} pages", f"median {statistics.median(one[0] for one in part):,.0f} ms", bar)
        row("all of them", f"{sum(one[1] for one in pages):,} images, {sum(one[0] for one in pages) / 1000:.0f} s, "
            f"{pages[0][2] >> 10} KiB the first page")


def measure_launches(data, options):
    with Server(data) as server:
        server.settle()
        image = server.facts["images"][0]
        launch = {"Action": "RunInstances", "ImageId": image, "InstanceType": "t3.nano"}
        several(server, "RunInstances of 1", {**launch, "MinCount": "1", "MaxCount": "1"}, "", 3)
        server.settle()
        others = server.begin_load("others", by_id_calls(server), 1, options.seconds)
        time.sleep(1)
        took, cpu, _ = server.call({**launch, "MinCount": "100", "MaxCount": "100"})
        row("RunInstances of 100", f"{1000 * took:,.0f} ms, {1000 * cpu:,.0f} ms of CPU", "300 ms")
        seen = json.loads(others.communicate()[0])
        row("… DescribeImages by id of another meanwhile",
            f"p99 {seen['p99_ms']:.0f} ms, worst {seen['worst_ms']:,.0f} ms, {seen['refused']} refused")
        began = time.time()
        server.settle()
        row("… until all of them run", f"{time.time() - began:.0f} s")


def measure_changes(data, options):
    with Server(data) as server:
        server.settle()
        calls = {"CreateTags": tag_calls(server),
                 "RunInstances of 1": [{"Action": "RunInstances", "ImageId": server.facts["images"][0], "MinCount": "1",
                                        "MaxCount": "1", "InstanceType": "t3.nano"}]}
        for what, some in calls.items():
            for callers in 1, 64:
                row(f"{what}, {callers} callers", in_words(server.load("changes", some, callers, options.seconds)),
                    "5x today's" if callers == 64 else "")


def measure_calls(data, _):
    put_back(data)
    print("\nIn process, without HTTP and signature, by the large account:\n", flush=True)
    subprocess.run(["taskset", "-c", "0", BENCH, "calls", data], check=True)


PARTS = {"start": measure_start, "by_id": measure_by_id, "pages": measure_pages, "launches": measure_launches,
         "changes": measure_changes, "calls": measure_calls}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []])
    parser.add_argument("--accounts", type=int, default=1_000)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--instances", type=int, default=10_000)
    parser.add_argument("--parameters", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--walk", type=int, default=1_000)
    parser.add_argument("--postgres", action="store_true")
    options = parser.parse_args()
    sizes = (options.accounts, options.images, options.instances, options.parameters)
    data = make_data(sizes)
    if options.postgres:
        start_postgres(data, [str(size) for size in sizes])
    row("what", "measured", "bar")
    row("---", "---", "---")
    for part in options.parts or PARTS:
        PARTS[part](data, options)


if __name__ == "__main__":
    main()
