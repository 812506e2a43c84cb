// SPDX-License-Identifier: Apache-2.0
#include "process.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace karat::compute {
namespace {

constexpr std::chrono::milliseconds kKillPatience{10'000};
constexpr std::size_t kCommandLineBytes = 64 * 1024;

/// posix_spawn's two objects, initialised and freed together.
class SpawnPlan {
public:
    SpawnPlan()
    {
        VERIFY(::posix_spawn_file_actions_init(&actions_) == 0);
        VERIFY(::posix_spawnattr_init(&attributes_) == 0);
        sigset_t none;
        sigemptyset(&none);
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
    }
    ~SpawnPlan()
    {
        ::posix_spawn_file_actions_destroy(&actions_);
        ::posix_spawnattr_destroy(&attributes_);
    }
    SpawnPlan(SpawnPlan const&) = delete;
    SpawnPlan& operator=(SpawnPlan const&) = delete;

    posix_spawn_file_actions_t* actions() { return &actions_; }
    posix_spawnattr_t* attributes() { return &attributes_; }

private:
    posix_spawn_file_actions_t actions_ = {};
    posix_spawnattr_t attributes_ = {};
};

void plan_files(SpawnPlan& plan, Process::Command const& command)
{
    auto* const actions = plan.actions();
    ::posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    if (command.standard_output >= 0)
        ::posix_spawn_file_actions_adddup2(actions, command.standard_output, 1);
    else
        ::posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addopen(actions, 2, command.error_log.c_str(),
                                       O_WRONLY | O_CREAT | O_APPEND | O_TRUNC, 0600);
    ::posix_spawn_file_actions_addchdir_np(actions, command.directory.c_str());
    // The daemon's sockets are not for the process of a guest, whoever opened them and how.
    VERIFY(::posix_spawn_file_actions_addclosefrom_np(actions, 3) == 0);
}

Fd open_pidfd(int pid) { return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

std::optional<int> parse_pid(std::string_view text)
{
    int pid = 0;
    auto const [end, code] = std::from_chars(text.data(), text.data() + text.size(), pid);
    if (code != std::errc() || pid <= 1)
        return std::nullopt;
    return pid;
}

Result<std::string> command_line(Files& files, int pid)
{
    auto const file = TRY(files.open(fmt::format("/proc/{}/cmdline", pid), Access::read));
    Bytes bytes(kCommandLineBytes); // its size is given as 0, so it cannot be asked
    auto const got = TRY(file->read_at(0, bytes));
    return std::string(as_text(std::span(bytes).first(got)));
}

} // namespace

Result<Process> Process::spawn(Command const& command)
{
    std::vector<std::string> words = command.arguments;
    words.insert(words.begin(), command.program);
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);

    SpawnPlan plan;
    plan_files(plan, command);
    int pid = 0;
    int const code = ::posix_spawnp(&pid, command.program.c_str(), plan.actions(),
                                    plan.attributes(), argv.data(), ::environ);
    if (code != 0)
        return fail(code == ENOENT ? Fault::not_found : Fault::io,
                    fmt::format("Cannot start {}: {}", command.program, std::strerror(code)));
    auto pidfd = open_pidfd(pid); // it cannot be another's: nobody collects it but us
    if (!pidfd.open())
        return fail(Fault::io,
                    fmt::format("Cannot watch {}: {}", command.program, std::strerror(errno)));
    return Process(pid, std::move(pidfd));
}

Result<std::optional<Process>> Process::find(Files& files, std::string const& pid_file,
                                             std::string const& mark)
{
    std::optional<Process> none;
    auto const text = read_file(files, pid_file, 64);
    if (!text.ok())
        return none; // no pid file, no process of ours
    auto const pid = parse_pid(as_text(text.value()));
    if (!pid)
        return none;
    Process process(*pid, open_pidfd(*pid));
    if (!process.pidfd_.open())
        return none;
    auto const line = command_line(files, *pid);
    if (!line.ok() || line.value().find(mark) == std::string::npos || !process.alive())
        return none;
    return std::optional(std::move(process));
}

bool Process::wait(std::chrono::milliseconds patience) const
{
    pollfd end = {pidfd_.get(), POLLIN, 0};
    int found = 0;
    do
        found = ::poll(&end, 1, static_cast<int>(patience.count()));
    while (found < 0 && errno == EINTR);
    if (found <= 0)
        return false;
    siginfo_t info = {};
    auto const collected =
        ::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOHANG);
    if (collected == 0 && info.si_pid != 0)
        ending_ = fmt::format("{} {}", info.si_code == CLD_EXITED ? "exit status" : "signal",
                              info.si_status);
    return true;
}

void Process::signal(int number) const
{
    ::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
}

Result<void> Process::end(std::chrono::milliseconds patience) const
{
    signal(SIGTERM);
    if (wait(patience))
        return {};
    signal(SIGKILL);
    if (wait(kKillPatience))
        return {};
    return fail(Fault::io, fmt::format("Process {} does not end", pid_));
}

} // namespace karat::compute
