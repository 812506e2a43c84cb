// SPDX-License-Identifier: Apache-2.0
#include "karat/process.hpp"
#include "karat/text.hpp"

#include <algorithm>
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

namespace karat {
namespace {

constexpr std::chrono::milliseconds kKillPatience{10'000};
constexpr std::size_t kCommandLineBytes = 64 * 1024;
constexpr int kFirstCopy = 100; // above the numbers that descriptors are handed on as

/// posix_spawn's two objects, initialised and freed together.
struct Plan {
    posix_spawn_file_actions_t files = {};
    posix_spawnattr_t attributes = {};

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

/// Puts the descriptors that are handed on out of the way of each other's new numbers.
Result<std::vector<Fd>> copies_of(std::vector<int> const& descriptors)
{
    std::vector<Fd> copies;
    for (int const fd : descriptors) {
        copies.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, kFirstCopy));
        if (!copies.back().open())
            return fail(Fault::io,
                        fmt::format("Cannot hand on a descriptor: {}", std::strerror(errno)));
    }
    return copies;
}

void plan_files(Plan& plan, Process::Command const& command, std::vector<Fd> const& inherited)
{
    auto* const files = &plan.files;
    constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_TRUNC;
    VERIFY(::posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0) == 0);
    VERIFY(::posix_spawn_file_actions_addopen(files, 2, command.error_log.c_str(), kFlags, 0600) ==
           0);
    if (command.standard_output >= 0)
        VERIFY(::posix_spawn_file_actions_adddup2(files, command.standard_output, 1) == 0);
    else if (command.standard_output == Process::kToErrorLog)
        VERIFY(::posix_spawn_file_actions_adddup2(files, 2, 1) == 0);
    else
        VERIFY(::posix_spawn_file_actions_addopen(files, 1, "/dev/null", O_WRONLY, 0) == 0);
    VERIFY(::posix_spawn_file_actions_addchdir_np(files, command.directory.c_str()) == 0);
    // The daemon's sockets are not for a process that outlives it, whoever opened them and how.
    int next = 3;
    for (Fd const& fd : inherited)
        VERIFY(::posix_spawn_file_actions_adddup2(files, fd.get(), next++) == 0);
    VERIFY(::posix_spawn_file_actions_addclosefrom_np(files, next) == 0);
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

Fd open_pidfd(int pid) { return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

std::optional<int> parse_pid(std::string_view text)
{
    int pid = 0;
    auto const [end, code] = std::from_chars(text.data(), text.data() + text.size(), pid);
    if (code != std::errc() || pid <= 1)
        return std::nullopt;
    return pid;
}

/// The words that a process was started with; nothing of one that has ended.
std::string read_command_line(Files& files, int pid)
{
    auto const file = files.open(fmt::format("/proc/{}/cmdline", pid), Access::read);
    if (!file.ok())
        return {};
    Bytes bytes(kCommandLineBytes); // its size is given as 0, so it cannot be asked
    auto const got = file.value()->read_at(0, bytes);
    return std::string(as_text(std::span(bytes).first(got.ok() ? got.value() : 0)));
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

    Plan plan;
    auto const inherited = TRY(copies_of(command.inherited));
    plan_files(plan, command, inherited);
    plan_signals(plan);
    int pid = 0;
    int const code = ::posix_spawnp(&pid, command.program.c_str(), &plan.files, &plan.attributes,
                                    argv.data(), ::environ);
    if (code != 0)
        return fail(code == ENOENT ? Fault::not_found : Fault::io,
                    fmt::format("Cannot start {}: {}", command.program, std::strerror(code)));
    auto pidfd = open_pidfd(pid); // it cannot be another's: nobody collects it but us
    if (!pidfd.open())
        return fail(Fault::io,
                    fmt::format("Cannot watch {}: {}", command.program, std::strerror(errno)));
    return Process(pid, std::move(pidfd));
}

std::optional<Process> Process::find(Files& files, int pid)
{
    if (pid <= 1)
        return std::nullopt;
    Process process(pid, open_pidfd(pid));
    if (!process.pidfd_.open())
        return std::nullopt;
    // Read after the descriptor was taken: it is of this process, or of nobody any more.
    process.command_line_ = read_command_line(files, pid);
    process.leads_session_ = ::getsid(pid) == pid;
    if (process.command_line_.empty() || !process.alive())
        return std::nullopt;
    return process;
}

std::optional<Process> Process::find_in(Files& files, std::string const& pid_file)
{
    auto const text = read_file(files, pid_file, 64);
    if (!text.ok())
        return std::nullopt; // no pid file, no process of ours
    return find(files, parse_pid(as_text(text.value())).value_or(0));
}

std::optional<Process> Process::find(Files& files, std::string const& pid_file,
                                     std::string_view argument)
{
    auto process = find_in(files, pid_file);
    if (!process || !process->was_started_with(argument))
        return std::nullopt;
    return process;
}

std::optional<Process> Process::search(Files& files, std::string_view argument)
{
    auto const names = files.list("/proc");
    if (!names.ok())
        return std::nullopt;
    for (std::string const& name : names.value()) {
        auto process = find(files, parse_pid(name).value_or(0));
        if (process && process->was_started_with(argument))
            return process;
    }
    return std::nullopt;
}

bool Process::was_started_with(std::string_view argument) const
{
    if (!leads_session_)
        return false;
    std::string_view rest = command_line_;
    (void)take_until(rest, '\0'); // the program's name
    while (!rest.empty())
        if (take_until(rest, '\0') == argument)
            return true;
    return false;
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

} // namespace karat
