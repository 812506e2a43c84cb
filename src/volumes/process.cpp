// SPDX-License-Identifier: Apache-2.0
#include "process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace karat::volumes {
namespace {

constexpr int kPoliteMs = 5000;
constexpr int kKilledMs = 5000;
constexpr std::size_t kMaxCommandLine = 64 << 10;

// glibc 2.36 declares the two functions of <sys/pidfd.h> without C linkage: they do not link.
int open_process(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

void signal_process(int fd, int signal)
{
    (void)::syscall(SYS_pidfd_send_signal, fd, signal, nullptr, 0); // fails only if it is gone
}

std::string read_command_line(Files& files, pid_t pid)
{
    auto const file = files.open(fmt::format("/proc/{}/cmdline", pid), Access::read);
    if (!file.ok())
        return {};
    std::string text(kMaxCommandLine, '\0');
    auto const got = file.value()->read_at(0, std::as_writable_bytes(std::span(text)));
    text.resize(got.ok() ? got.value() : 0);
    return text;
}

/// posix_spawn's two objects, freed together.
struct Plan {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;

    Plan()
    {
        VERIFY(::posix_spawn_file_actions_init(&files) == 0);
        VERIFY(::posix_spawnattr_init(&attributes) == 0);
    }
    Plan(Plan const&) = delete;
    Plan& operator=(Plan const&) = delete;
    ~Plan()
    {
        ::posix_spawn_file_actions_destroy(&files);
        ::posix_spawnattr_destroy(&attributes);
    }
};

/// A socket descriptor that closes itself.
struct Socket {
    int fd;
    explicit Socket(int descriptor)
        : fd(descriptor)
    {
    }
    Socket(Socket const&) = delete;
    Socket& operator=(Socket const&) = delete;
    ~Socket()
    {
        if (fd >= 0)
            ::close(fd);
    }
};

void plan_descriptors(Plan& plan, std::string const& log_path)
{
    auto* const files = &plan.files;
    VERIFY(::posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0) == 0);
    constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND;
    VERIFY(::posix_spawn_file_actions_addopen(files, 1, log_path.c_str(), kFlags, 0600) == 0);
    VERIFY(::posix_spawn_file_actions_adddup2(files, 1, 2) == 0);
    VERIFY(::posix_spawn_file_actions_addclosefrom_np(files, 3) == 0);
}

void plan_signals(Plan& plan)
{
    auto* const attributes = &plan.attributes;
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    VERIFY(::posix_spawnattr_setsigmask(attributes, &none) == 0);
    VERIFY(::posix_spawnattr_setsigdefault(attributes, &all) == 0);
    constexpr int kFlags = POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    VERIFY(::posix_spawnattr_setflags(attributes, kFlags) == 0);
}

} // namespace

std::optional<Process> Process::find(Files& files, pid_t pid)
{
    auto const fd = pid > 0 ? open_process(pid) : -1;
    if (fd < 0)
        return std::nullopt;
    Process process(pid, fd);
    // Read after the descriptor was taken: it is of this process, or of nobody any more.
    process.command_line_ = read_command_line(files, pid);
    if (process.command_line_.empty() || process.gone_within(0))
        return std::nullopt;
    return process;
}

Process::Process(Process&& other) noexcept
    : pid_(other.pid_)
    , fd_(std::exchange(other.fd_, -1))
    , command_line_(std::move(other.command_line_))
{
}

Process::~Process()
{
    if (fd_ >= 0)
        ::close(fd_);
}

bool Process::was_started_with(std::string_view argument) const
{
    std::string_view rest = command_line_;
    while (!rest.empty()) {
        auto const end = std::min(rest.find('\0'), rest.size());
        if (rest.substr(0, end) == argument)
            return true;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return false;
}

void Process::end() const
{
    signal_process(fd_, SIGTERM);
    if (gone_within(kPoliteMs))
        return;
    signal_process(fd_, SIGKILL);
    (void)gone_within(kKilledMs);
}

bool Process::gone_within(int timeout_ms) const
{
    pollfd wait{fd_, POLLIN, 0};
    return ::poll(&wait, 1, timeout_ms) > 0;
}

Result<pid_t> spawn(std::vector<std::string> const& command, std::string const& log_path)
{
    Plan plan;
    plan_descriptors(plan, log_path);
    plan_signals(plan);
    std::vector<std::string> words = command;
    std::vector<char*> pointers;
    for (auto& word : words)
        pointers.push_back(word.data());
    pointers.push_back(nullptr);
    pid_t pid = -1;
    auto const code =
        ::posix_spawnp(&pid, pointers[0], &plan.files, &plan.attributes, pointers.data(), environ);
    if (code == ENOENT)
        return fail(Fault::not_found, fmt::format("There is no program {}", command.front()));
    if (code != 0)
        return fail(Fault::io,
                    fmt::format("Cannot start {}: {}", command.front(), std::strerror(code)));
    return pid;
}

bool reap(pid_t pid)
{
    int status = 0;
    return pid > 0 && ::waitpid(pid, &status, WNOHANG) == pid;
}

std::optional<pid_t> listener_of(std::string const& socket_path)
{
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (socket_path.size() >= sizeof(address.sun_path))
        return std::nullopt;
    socket_path.copy(address.sun_path, socket_path.size());
    Socket const socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (socket.fd < 0)
        return 0;
    void const* const place = &address;
    if (::connect(socket.fd, static_cast<sockaddr const*>(place), sizeof(address)) != 0)
        return errno == EAGAIN ? std::optional<pid_t>(0) : std::nullopt;
    ucred peer = {};
    socklen_t length = sizeof(peer);
    if (::getsockopt(socket.fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
        return 0;
    return peer.pid;
}

} // namespace karat::volumes
