# SPDX-License-Identifier: Apache-2.0
"""Runs in the place of a confined program and tries what an attacker would who has taken it over. Prints what succeeded, and
which of the things that the program must be able to do failed, as JSON."""
import ctypes
import json
import os
import socket
import stat
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
CALLS = {"ptrace": 101, "mount": 165, "umount2": 166, "unshare": 272, "setns": 308, "pidfd_open": 434, "pidfd_getfd": 438,
         "open_by_handle_at": 304, "bpf": 321, "perf_event_open": 298, "io_uring_setup": 425, "userfaultfd": 323,
         "keyctl": 250, "add_key": 248, "init_module": 175, "pivot_root": 155, "pidfd_send_signal": 424,
         "process_vm_readv": 310, "mount_setattr": 442, "open_tree": 428, "kcmp": 312, "personality": 135}


def syscall(name, *words):
    """True when the kernel does it."""
    ctypes.set_errno(0)
    return libc.syscall(CALLS[name], *words) >= 0


def opens(path, flags=os.O_RDONLY):
    os.close(os.open(path, flags))
    return True


def connects(path):
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    peer.settimeout(5)
    peer.connect(path)
    return True


def reaches(address):
    socket.create_connection(address, timeout=5).close()
    return True


def receive(peer, count):
    data = b""
    while len(data) < count:
        piece = peer.recv(count - len(data))
        if not piece:
            raise ConnectionError
        data += piece
    return data


def exports(path, name):
    """Whether an NBD server serves an export (NBD_OPT_GO)."""
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    peer.settimeout(10)
    peer.connect(path)
    receive(peer, 18)
    peer.sendall(struct.pack(">I", 3))
    text = name.encode()
    option = struct.pack(">I", len(text)) + text + struct.pack(">H", 0)
    peer.sendall(b"IHAVEOPT" + struct.pack(">II", 7, len(option)) + option)
    while True:
        _, _, reply, length = struct.unpack(">QIII", receive(peer, 20))
        receive(peer, length)
        if reply != 3:  # NBD_REP_INFO
            return reply == 1  # NBD_REP_ACK


def holds_kernel(name, *words):
    return f"system call {name}", lambda: syscall(name, *words)


def attempts(target):
    for path in target["files"]:
        yield f"read {path}", lambda path=path: opens(path)
        yield f"write {path}", lambda path=path: opens(path, os.O_WRONLY)
    for path in target["folders"]:
        yield f"see in {path}", lambda path=path: set(os.listdir(path)) & set(target["names"])
        yield f"write in {path}", lambda path=path: opens(path + "/planted", os.O_WRONLY | os.O_CREAT)
    for path in target["sockets"]:
        yield f"connect to {path}", lambda path=path: connects(path)
    for address in target["addresses"]:
        yield f"connect to {address}", lambda address=address: reaches(tuple(address))
    for path, name in target["exports"]:
        yield f"read the export {name}", lambda path=path, name=name: exports(path, name)
    for pid in target["processes"]:
        for name in ["mem", "environ", "root/", "fd/", "maps", "cwd/"]:
            yield f"open /proc/{pid}/{name}", lambda pid=pid, name=name: opens(f"/proc/{pid}/{name}")
        for number in [0, 19]:
            yield f"send signal {number} to {pid}", lambda pid=pid, number=number: os.kill(pid, number) is None
        yield f"trace {pid}", lambda pid=pid: syscall("ptrace", 16, pid, 0, 0)
        yield f"compare with {pid}", lambda pid=pid: syscall("kcmp", os.getpid(), pid, 2, 0, 0)
        yield f"enter {pid}", lambda pid=pid: syscall("setns", os.pidfd_open(pid), 0x20000)
        yield f"take a descriptor of {pid}", lambda pid=pid: syscall("pidfd_getfd", os.pidfd_open(pid), 1, 0)
        yield f"signal {pid} by descriptor", lambda pid=pid: syscall("pidfd_send_signal", os.pidfd_open(pid), 0, 0, 0)
    yield holds_kernel("mount", b"none", b"/usr", b"tmpfs", 0, 0)
    yield holds_kernel("umount2", b"/usr", 2)
    yield holds_kernel("mount_setattr", -100, b"/usr", 0, 0, 0)
    yield holds_kernel("open_tree", -100, b"/usr", 1)
    yield holds_kernel("pivot_root", b"/usr", b"/usr")
    for name, flag in [("users", 0x10000000), ("mounts", 0x20000), ("network", 0x40000000), ("processes", 0x20000000)]:
        yield f"new {name}", lambda flag=flag: syscall("unshare", flag)
    yield holds_kernel("open_by_handle_at", -100, 0, 0)
    yield holds_kernel("bpf", 0, 0, 0)
    yield holds_kernel("perf_event_open", 0, 0, -1, -1, 0)
    yield holds_kernel("io_uring_setup", 1, ctypes.create_string_buffer(120))
    yield holds_kernel("userfaultfd", 1)
    yield holds_kernel("keyctl", 0, -3, 1)
    yield holds_kernel("init_module", 0, 0, b"")
    yield "raw IP", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
    yield "raw packets", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3)
    yield "chroot", lambda: os.chroot("/usr") is None
    yield "host name", lambda: socket.sethostname("other") is None
    yield "clock", lambda: __import__("time").clock_settime(0, 0) is None
    yield "a device", lambda: os.mknod("/dev/planted", stat.S_IFBLK | 0o600, os.makedev(8, 0)) is None
    yield "a set-user-id program", lambda: not os.statvfs("/usr").f_flag & os.ST_NOSUID
    yield "more privileges", lambda: libc.prctl(39, 0, 0, 0, 0) != 1  # PR_GET_NO_NEW_PRIVS
    yield "a core dump", lambda: __import__("resource").getrlimit(4) != (0, 0)
    for path in ["/", "/usr", "/dev", "/proc", "/etc"]:
        yield f"write in {path}", lambda path=path: opens(path + "/planted", os.O_WRONLY | os.O_CREAT)
    if os.getuid() != 0:
        yield "root", lambda: os.setresuid(0, 0, 0) is None
        yield "root's group", lambda: os.setresgid(0, 0, 0) is None
    yield "other groups", lambda: os.setgroups([0]) is None


def necessities(target):
    for path in target.get("own_files", []):
        yield f"write {path}", lambda path=path: opens(path, os.O_RDWR)
    for path, name in target.get("own_exports", []):
        yield f"read the export {name}", lambda path=path, name=name: exports(path, name)
    for path in target.get("own_folders", []):
        yield f"list {path}", lambda path=path: os.listdir(path) is not None


def works(attempt):
    try:
        return bool(attempt())
    except (OSError, ConnectionError, AttributeError, struct.error):
        return False


facts = json.loads(sys.argv[1])
tried = list(attempts(facts))
print(json.dumps({"tried": len(tried), "succeeded": [name for name, attempt in tried if works(attempt)],
                  "failed": [name for name, attempt in necessities(facts) if not works(attempt)]}))
