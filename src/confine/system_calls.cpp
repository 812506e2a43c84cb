// SPDX-License-Identifier: Apache-2.0
#include "karat/system_calls.hpp"

#include "os_error.hpp"

#include <array>
#include <linux/sched.h>
#include <memory>
#include <seccomp.h>
#include <span>
#include <unistd.h>

namespace karat::confine {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

constexpr std::array kDangerous = {
    "acct",
    "add_key",
    "bpf",
    "chroot",
    "clock_adjtime",
    "clock_settime",
    "delete_module",
    "fanotify_init",
    "finit_module",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "init_module",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "ioperm",
    "iopl",
    "kcmp",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "lookup_dcookie",
    "mknod",
    "mknodat",
    "mount",
    "mount_setattr",
    "move_mount",
    "name_to_handle_at",
    "nfsservctl",
    "open_by_handle_at",
    "open_tree",
    "perf_event_open",
    "personality",
    "pidfd_getfd",
    "pidfd_send_signal",
    "pivot_root",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "quotactl",
    "quotactl_fd",
    "reboot",
    "request_key",
    "rt_sigqueueinfo",
    "rt_tgsigqueueinfo",
    "setdomainname",
    "sethostname",
    "setns",
    "settimeofday",
    "swapoff",
    "swapon",
    "syslog",
    "tkill",
    "umount",
    "umount2",
    "unshare",
    "userfaultfd",
    "vhangup",
    "vmsplice",
};

constexpr std::array kAnyServer = {
    "accept",
    "accept4",
    "access",
    "arch_prctl",
    "brk",
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "close",
    "dup",
    "dup2",
    "dup3",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_wait",
    "eventfd2",
    "exit",
    "exit_group",
    "faccessat",
    "faccessat2",
    "fallocate",
    "fcntl",
    "fdatasync",
    "fstat",
    "fstatfs",
    "fsync",
    "ftruncate",
    "futex",
    "getcwd",
    "getdents64",
    "geteuid",
    "getegid",
    "getgid",
    "getpid",
    "getppid",
    "getrandom",
    "getrlimit",
    "getrusage",
    "getsockname",
    "getsockopt",
    "gettid",
    "gettimeofday",
    "getuid",
    "ioctl",
    "lseek",
    "lstat",
    "madvise",
    "mlock",
    "mlock2",
    "mmap",
    "mprotect",
    "mremap",
    "munlock",
    "munmap",
    "nanosleep",
    "newfstatat",
    "open",
    "openat",
    "pipe2",
    "poll",
    "ppoll",
    "prctl",
    "pread64",
    "preadv",
    "prlimit64",
    "pwrite64",
    "pwritev",
    "read",
    "readlink",
    "readlinkat",
    "readv",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "restart_syscall",
    "rseq",
    "rt_sigaction",
    "rt_sigpending",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "sched_getaffinity",
    "sched_yield",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "set_robust_list",
    "set_tid_address",
    "setsockopt",
    "shutdown",
    "sigaltstack",
    "stat",
    "statfs",
    "statx",
    "sync_file_range",
    "sysinfo",
    "tgkill",
    "uname",
    "write",
    "writev",
};

constexpr std::array kNetwork = {
    "bind",      "connect",   "getpeername", "listen",     "pidfd_open", "rename",   "renameat",
    "renameat2", "signalfd4", "socket",      "socketpair", "unlink",     "unlinkat",
};

constexpr std::array kDisks = {
    "clone",          "copy_file_range",
    "flock",          "fadvise64",
    "getpeername",    "link",
    "linkat",         "mkdir",
    "mkdirat",        "pselect6",
    "rename",         "renameat",
    "renameat2",      "rmdir",
    "sched_getparam", "sched_getscheduler",
    "setpriority",    "socket",
    "connect",        "truncate",
    "unlink",         "unlinkat",
    "utimensat",      "fchmod",
    "fchmodat",       "chmod",
    "umask",
};

struct Release {
    void operator()(scmp_filter_ctx filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, Release>;

Error refused(std::string_view name, int code)
{
    return fail(Fault::io,
                fmt::format("Cannot restrict system calls ({}): {}", name, std::strerror(-code)));
}

Result<void> add(Filter const& filter, std::uint32_t action, std::span<char const* const> names)
{
    for (std::string_view const name : names) {
        if (kSanitized && name == "ptrace")
            continue; // the leak checker's
        auto const number = seccomp_syscall_resolve_name(name.data());
        if (number == __NR_SCMP_ERROR)
            continue; // newer than the library: then the kernel's default holds
        auto const code = seccomp_rule_add(filter.get(), action, number, 0);
        if (code != 0 && code != -EDOM)
            return refused(name, code);
    }
    return {};
}

Result<void> load(Filter const& filter)
{
    // All threads, whoever started them; and no new privileges, which the kernel asks for.
    (void)seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
    auto const code = seccomp_load(filter.get());
    return code == 0 ? Result<void>() : refused("load", code);
}

/// Threads, but no namespaces. What clone3 is asked for lies in memory, where a filter cannot look:
/// libraries fall back to clone.
Result<void> limit_clone(Filter const& filter)
{
    constexpr std::array kNamespaces = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                        CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};
    for (scmp_datum_t const flag : kNamespaces) {
        auto const code = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                           SCMP_A0(SCMP_CMP_MASKED_EQ, flag, flag));
        if (code != 0)
            return refused("clone", code);
    }
    auto const code = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    return code == 0 ? Result<void>() : refused("clone3", code);
}

/// Signals to itself only: without users of their own, the daemon and other guests' processes have
/// the same one. A number is kept over the start of a program.
Result<void> limit_signals(Filter const& filter)
{
    auto const self = static_cast<scmp_datum_t>(::getpid());
    for (int const call : {SCMP_SYS(kill), SCMP_SYS(tgkill)}) {
        auto const code = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), call, 1,
                                           SCMP_A0(SCMP_CMP_NE, self));
        if (code != 0)
            return refused("kill", code);
    }
    return {};
}

} // namespace

Result<void> refuse_dangerous_calls()
{
    Filter const filter(seccomp_init(SCMP_ACT_ALLOW));
    if (!filter)
        return refused("init", -ENOMEM);
    (void)seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM));
    TRY(add(filter, SCMP_ACT_ERRNO(EPERM), kDangerous));
    TRY(limit_clone(filter));
    TRY(limit_signals(filter));
    return load(filter);
}

Result<void> allow_serving_calls(Serving serving)
{
    if (kSanitized)
        return {};
    Filter const filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
    if (!filter)
        return refused("init", -ENOMEM);
    TRY(add(filter, SCMP_ACT_ALLOW, kAnyServer));
    if (serving == Serving::network)
        TRY(add(filter, SCMP_ACT_ALLOW, kNetwork));
    else
        TRY(add(filter, SCMP_ACT_ALLOW, kDisks));
    auto const code = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (code != 0)
        return refused("clone3", code);
    return load(filter);
}

} // namespace karat::confine
