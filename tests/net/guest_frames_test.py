#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a hostile guest sends, frame by frame: this test stands in for QEMU before a real karat-net, in
a network namespace of its own with an address and listeners of its own. Skipped without root."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
RELEASE = pathlib.Path(os.environ.get("KARAT_RELEASE", ROOT / "build/release"))
HOST = "192.0.2.7"  # an address of this host that is not loopback
GUEST, ROUTER, IMDS = "10.0.0.5", "10.0.0.1", "169.254.169.254"
MAC = bytes.fromhex("060102030405")
ROUTER_MAC = bytes.fromhex("52550a000001")
CONSOLE_MIB = int(os.environ.get("CONSOLE_MIB", "256"))
failures = []


def expect(what, condition, detail=""):
    print(("ok " if condition else "FAILED ") + what)
    if not condition:
        failures.append(f"{what}: {detail}")


def add_up(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def ip(to, protocol, payload, source=GUEST, fragment=0):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 7, fragment, 64, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(to))
    return head[:10] + struct.pack("!H", ~add_up(head) & 0xFFFF) + head[12:] + payload


def ether(packet, kind=0x0800, source=MAC):
    return ROUTER_MAC + source + struct.pack("!H", kind) + packet


def segment(to, port, flags, source=GUEST, from_port=4000, sequence=1, acknowledged=0, data=b""):
    tcp = struct.pack("!HHIIBBHHH", from_port, port, sequence, acknowledged, 0x50, flags, 8192, 0, 0) + data
    pseudo = socket.inet_aton(source) + socket.inet_aton(to) + struct.pack("!BBH", 0, 6, len(tcp))
    return tcp[:16] + struct.pack("!H", ~add_up(pseudo + tcp) & 0xFFFF) + tcp[18:]


def syn(to, port, **other):
    return ether(ip(to, 6, segment(to, port, 2, **other), source=other.get("source", GUEST)))


def datagram(to, port, data=b"x", **other):
    return ether(ip(to, 17, struct.pack("!HHHH", 4000, port, 8 + len(data), 0) + data, **other))


class Guest:
    """karat-net, and the sockets of QEMU's that it connects to."""

    def __init__(self, place, **settings):
        self.place, self.imds = place, self.listen(f"{place}/imds")
        self.link, self.console = self.listen(f"{place}/net.sock"), self.listen(f"{place}/console.sock")
        self.settings = {"instance": "i-test", "qemu_pid": os.getpid(), "net_socket": f"{place}/net.sock",
                         "console_socket": f"{place}/console.sock", "console_ring": f"{place}/ring",
                         "qemu_log": f"{place}/qemu.log", "pid_file": f"{place}/net.pid", "mac": MAC.hex(":"),
                         "private_ip": GUEST, "domain": "ec2.internal", "subnet_cidr": "10.0.0.0/24", "public_ip": "",
                         "imds_socket": f"{place}/imds", "open_ports": []} | settings
        self.write()
        self.process = subprocess.Popen([RELEASE / "karat-net", f"{place}/net.json"], cwd=place, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"ready\n"
        self.frames = self.link.accept()[0]
        self.serial = self.console.accept()[0]
        self.pending = b""
        self.learn_router()

    @staticmethod
    def listen(path):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        return listener

    def write(self):
        pathlib.Path(self.place, "net.json").write_text(json.dumps(self.settings))

    def change(self, **settings):
        self.settings |= settings
        self.write()
        self.process.send_signal(signal.SIGHUP)
        time.sleep(0.2)

    def learn_router(self):
        """libslirp wants to know the guest's MAC before it answers."""
        self.send(ether(struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, MAC, socket.inet_aton(GUEST), b"\0" * 6,
                                    socket.inet_aton(ROUTER)), 0x0806))
        assert self.answer(lambda frame: frame[12:14] == b"\x08\x06")

    def send(self, *frames):
        for frame in frames:
            self.frames.sendall(struct.pack("!I", len(frame)) + frame)

    def answer(self, wanted, patience=3.0):
        """The first frame to the guest that is wanted; nothing when none comes in time."""
        deadline = time.time() + patience
        while (left := deadline - time.time()) > 0:
            while len(self.pending) >= 4:
                (length,) = struct.unpack("!I", self.pending[:4])
                if len(self.pending) < 4 + length:
                    break
                frame, self.pending = self.pending[4:4 + length], self.pending[4 + length:]
                if wanted(frame):
                    return frame
            self.frames.settimeout(left)
            with contextlib.suppress(socket.timeout):
                self.pending += self.frames.recv(65536)
        return None

    def connects(self, to, port, from_port, patience=3.0):
        """The answer to a SYN, if it is one."""
        self.send(syn(to, port, from_port=from_port))
        return self.answer(lambda f: f[12:14] == b"\x08\x00" and f[23] == 6 and f[47] & 0x12 == 0x12
                           and f[36:38] == struct.pack("!H", from_port) and f[26:30] == socket.inet_aton(to), patience)

    def end(self):
        self.process.terminate()
        return self.process.wait(10)


def hop_limits(guest):
    for number, hops in enumerate((1, 2, 64)):
        guest.change(hop_limit=hops)
        frame = guest.connects(IMDS, 80, 5000 + number)
        expect(f"the metadata service answers with a TTL of {hops}", frame is not None and frame[22] == hops, frame)
        expect("and a right checksum", frame is not None and add_up(frame[14:34]) == 0xFFFF, frame)


def names(guest):
    """Private names are answered here, and told by DHCP's domain; nothing else is."""
    def question(name, kind):
        labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
        return struct.pack("!HHHHHH", 77, 0x100, 1, 0, 0, 0) + labels + struct.pack("!BHH", 0, kind, 1)

    def ask(name, kind):
        guest.send(datagram("10.0.0.2", 53, question(name, kind)))
        frame = guest.answer(lambda f: f[12:14] == b"\x08\x00" and f[23] == 17 and f[34:36] == b"\0\x35", 1.0)
        return frame and frame[42:]

    forward, back = ask("ip-10-0-0-5.ec2.internal", 1), ask("5.0.0.10.in-addr.arpa", 12)
    expect("the guest's own name is its address", forward and forward.endswith(socket.inet_aton(GUEST)), forward)
    expect("and the way back", back and back.endswith(b"\x0bip-10-0-0-5\x03ec2\x08internal\0"), back)
    missing = ask("web.ec2.internal", 1)
    expect("another name of the domain does not exist", missing and missing[3] & 15 == 3, missing)


def this_host(guest, addresses):
    listeners = [socket.create_server((address, 7001)) for address in addresses]
    seen = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    seen.bind((HOST, 7001))
    seen.setblocking(False)
    for number, address in enumerate(addresses):
        expect(f"{address}, this host's own, is not reached", not guest.connects(address, 7001, 6000 + number, 0.5))
    guest.send(datagram(HOST, 7001))
    guest.change(guest_reaches_host=True)
    expect("a setting opens it", guest.connects(HOST, 7001, 6100))
    expect("but not loopback", not guest.connects("127.0.0.1", 7001, 6101, 0.5))
    with contextlib.suppress(BlockingIOError):
        expect("no datagram came by before", not seen.recv(10))
    guest.change(guest_reaches_host=False)
    subprocess.run(["ip", "address", "add", "192.0.2.99/24", "dev", "outside"], check=True)
    late = socket.create_server(("192.0.2.99", 7001))
    time.sleep(0.2)
    expect("an address that came later is not reached", not guest.connects("192.0.2.99", 7001, 6102, 0.5))
    for listener in [*listeners, late, seen]:
        listener.close()


def lies(guest):
    """Nothing of this may reach the host, get an answer, or end karat-net."""
    outside = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    outside.bind(("outside", 0))
    outside.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while outside.recv(2048):
            pass
    far = "192.0.2.200"
    advertisement = b"\x60" + b"\0" * 5 + b"\x3a\xff" + b"\xfe\x80" + b"\0" * 14 + b"\xff\x02" + b"\0" * 13 + b"\x01" \
        + b"\x86" + b"\0" * 15
    offer = b"\x02\x01\x06\0" + b"\0" * 232 + b"\x63\x82\x53\x63\x35\x01\x02\xff"
    guest.send(
        syn(far, 80, source="10.0.0.6"), syn(far, 80, source="192.0.2.1"), syn(far, 80, source="127.0.0.1"),
        datagram(far, 53, source="10.0.0.9"), datagram("255.255.255.255", 68, offer), datagram("10.0.0.9", 68, offer),
        datagram("224.0.0.251", 5353), datagram("169.254.7.7", 80), syn("0.0.0.0", 80), syn("10.0.0.3", 80),
        ether(ip(IMDS, 6, b"x" * 40, fragment=0x2000)), ether(ip(ROUTER, 17, b"x" * 64, fragment=0x2001)),
        ether(advertisement, 0x86DD), ether(b"\x81" * 60, 0x8100), ether(ip(far, 41, b"x" * 40)), ether(b""),
        b"", b"\xff" * 13, ether(ip(far, 17, b"x" * 1600)), b"\xff" * 60000)
    expect("nothing of it is answered", guest.answer(lambda f: f[12:14] == b"\x08\x00", 0.5) is None)
    sent = []
    with contextlib.suppress(BlockingIOError):
        while True:
            sent.append(outside.recv(2048))
    expect("nothing of it leaves this host", not [f for f in sent if socket.inet_aton(far) in f], sent)
    spoofed = ether(struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 2, b"\x06" * 6, socket.inet_aton(ROUTER), MAC,
                                socket.inet_aton(GUEST)), 0x0806, b"\x06" * 6)
    guest.send(*[spoofed] * 2000)
    expect("a guest that takes the router's address still has its network", guest.connects(IMDS, 80, 6500))
    expect("karat-net lives", guest.process.poll() is None)


def floods(guest):
    serial = b"x" * (1 << 20)
    flood = threading.Thread(target=lambda: [guest.serial.sendall(serial) for _ in range(CONSOLE_MIB)])
    flood.start()
    expect("its network goes on while it prints", all(guest.connects(IMDS, 80, 6600 + i) for i in range(5)))
    flood.join()
    guest.serial.sendall(b"the last words")
    time.sleep(0.5)
    ring = pathlib.Path(guest.place, "ring").read_bytes()
    expect(f"{CONSOLE_MIB} MiB on the console leave a small file", len(ring) < 200_000, len(ring))
    expect("with the last of it", b"xxx" * 20_000 + b"the last words" in ring[16:] + ring[16:])
    guest.frames.close()  # cut within a frame
    again = guest.link.accept()[0]
    again.sendall(struct.pack("!I", 1 << 31))
    expect("a frame of 2 GB ends the link, and a new one comes", guest.link.accept()[0])
    memory = pathlib.Path(f"/proc/{guest.process.pid}/status").read_text().split("VmRSS:")[1].split()[0]
    expect("in 40 MB of memory", int(memory) < 40_000, memory)


def main():
    if os.geteuid() != 0:
        print("SKIPPED: needs root for a network namespace")
        sys.exit(77)
    if len(sys.argv) == 1:
        sys.exit(subprocess.run(["unshare", "--net", sys.executable, __file__, "inside"], check=False).returncode)
    for words in ("link set lo up", "link add outside type veth peer name beyond", "link set beyond up",
                  "link set outside up", f"address add {HOST}/24 dev outside", "address add 192.0.2.8/24 dev outside"):
        subprocess.run(["ip", *words.split()], check=True)
    with tempfile.TemporaryDirectory(prefix="karat-net-") as place:
        guest = Guest(place)
        try:
            hop_limits(guest)
            names(guest)
            this_host(guest, [HOST, "192.0.2.8"])
            lies(guest)
            floods(guest)
        finally:
            guest.end()
    if failures:
        sys.exit("\n".join(["FAILED:", *failures]))


main()
