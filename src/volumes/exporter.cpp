// SPDX-License-Identifier: Apache-2.0
#include "exporter.hpp"

#include "listener.hpp"

#include "karat/log.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <poll.h>
#include <sys/un.h>

namespace karat::volumes {
namespace {

constexpr int kStepMs = 10;
constexpr int kStartSteps = 1000; // ten seconds
constexpr int kThreads = 16;
constexpr std::chrono::seconds kPolite{5};
constexpr std::uint64_t kMaxLogBytes = 1 << 20;
constexpr std::size_t kLastWordsBytes = 4096;
constexpr std::size_t kMaxMapsBytes = 1 << 20;

/// The last line that reports an error, or else the last line.
std::string telling_line(std::string_view text)
{
    std::string last;
    std::string error;
    while (!text.empty()) {
        auto const end = std::min(text.find('\n'), text.size());
        if (end > 0)
            last = text.substr(0, end);
        if (last.find("error:") != std::string::npos)
            error = last;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return error.empty() ? last : error;
}

void wait_a_step() { (void)::poll(nullptr, 0, kStepMs); }

} // namespace

Exporter::Exporter(Env env, Options options)
    : env_(env)
    , options_(std::move(options))
    , socket_(options_.run_directory + "/blk.sock")
    , pid_file_(options_.run_directory + "/blk.pid")
    , log_file_(options_.run_directory + "/blk.log")
{
}

Result<void> Exporter::serve()
{
    Lock const guard(mutex_);
    return serve_locked();
}

Result<void> Exporter::supervise()
{
    Lock const guard(mutex_);
    if (options_.plugin.empty())
        return {};
    reap();
    if (serves())
        return trim_log();
    log(Level::warn, "blk.restarting", {{"last_words", last_words()}});
    return serve_locked();
}

Result<void> Exporter::stop()
{
    Lock const guard(mutex_);
    if (options_.plugin.empty())
        return {};
    if (auto const process = find()) {
        TRY(process->end(kPolite));
        log(Level::info, "blk.stopped", {{"pid", process->pid()}});
    }
    return clear();
}

/// Ours is whoever listens on the socket or is named by the pid file, and was started with both.
std::optional<Process> Exporter::find()
{
    auto process = Process::find(env_.files, listener_of(socket_).value_or(0));
    if (process && process->was_started_with(socket_) && process->was_started_with(pid_file_))
        return process;
    process = Process::find(env_.files, pid_file_, socket_);
    if (process && process->was_started_with(pid_file_))
        return process;
    return std::nullopt;
}

bool Exporter::serves() { return find() && listener_of(socket_); }

Result<void> Exporter::serve_locked()
{
    if (options_.plugin.empty())
        return {};
    TRY(env_.files.make_dirs(options_.run_directory));
    TRY(end_outdated());
    for (int step = 0; step < kStartSteps && find(); ++step) {
        if (listener_of(socket_))
            return {}; // an earlier run of the daemon left it serving
        wait_a_step();
    }
    if (auto const stuck = find()) {
        log(Level::warn, "blk.stuck", {{"pid", stuck->pid()}});
        TRY(stuck->end(kPolite));
    }
    if (listener_of(socket_))
        return fail(Fault::in_use,
                    fmt::format("Another program serves on {}; stop it, or give Karat another run "
                                "directory",
                                socket_));
    TRY(clear());
    return start();
}

/// What nbdkit is given; where the keys are, never what they are.
std::vector<std::string> Exporter::arguments() const
{
    std::vector<std::string> words{"--foreground",
                                   "--readonly",
                                   "--unix",
                                   socket_,
                                   "--pidfile",
                                   pid_file_,
                                   "--threads",
                                   std::to_string(kThreads),
                                   options_.plugin,
                                   "store=" + options_.store_directory};
    if (!options_.key_file.empty())
        words.push_back("keys=" + options_.key_file);
    if (!options_.cache_directory.empty()) {
        words.push_back("cache=" + options_.cache_directory);
        words.push_back(fmt::format("cache-size={}M", options_.cache_mib));
    }
    return words;
}

/// Whether it runs with the settings and the plugin of today.
bool Exporter::is_current(Process const& process)
{
    for (auto const& word : arguments())
        if (!process.was_started_with(word))
            return false;
    auto const maps = env_.files.open(fmt::format("/proc/{}/maps", process.pid()), Access::read);
    std::string text(kMaxMapsBytes, '\0');
    auto const got = maps.ok() ? maps.value()->read_at(0, std::as_writable_bytes(std::span(text)))
                               : Result<std::size_t>(0);
    text.resize(got.ok() ? got.value() : 0);
    return text.find(options_.plugin + " (deleted)") == std::string::npos;
}

/// Guests wait meanwhile.
Result<void> Exporter::end_outdated()
{
    auto const process = find();
    if (!process || is_current(*process))
        return {};
    log(Level::info, "blk.replacing", {{"pid", process->pid()}});
    return process->end(kPolite);
}

Result<void> Exporter::start()
{
    if (socket_.size() >= sizeof(sockaddr_un::sun_path))
        return fail(Fault::invalid,
                    fmt::format("The path {} is too long for a socket ({} bytes at most); give "
                                "Karat a run directory with a shorter path",
                                socket_, sizeof(sockaddr_un::sun_path) - 1));
    auto spawned = Process::spawn({.program = options_.nbdkit,
                                   .arguments = arguments(),
                                   .error_log = log_file_,
                                   .standard_output = Process::kToErrorLog});
    if (!spawned.ok() && spawned.error().fault == Fault::not_found)
        return fail(Fault::unavailable,
                    fmt::format("Snapshots cannot be served: {} is not installed; run 'apt-get "
                                "install nbdkit'",
                                options_.nbdkit));
    child_ = TRY(std::move(spawned));
    return wait_for_start(*child_);
}

Result<void> Exporter::wait_for_start(Process const& child)
{
    for (int step = 0; step < kStartSteps; ++step) {
        if (listener_of(socket_)) {
            log(Level::info, "blk.serving", {{"pid", child.pid()}, {"socket", socket_}});
            return {};
        }
        if (!child.alive())
            return fail(Fault::unavailable,
                        fmt::format("Snapshots cannot be served: nbdkit ended at once and said "
                                    "'{}'; {} has all of it",
                                    last_words(), log_file_));
        wait_a_step();
    }
    TRY(child.end(kPolite));
    return fail(Fault::unavailable,
                fmt::format("Snapshots cannot be served: nbdkit did not start within {} seconds; "
                            "look into {}",
                            kStartSteps * kStepMs / 1000, log_file_));
}

void Exporter::reap()
{
    if (child_ && !child_->alive())
        child_.reset();
}

/// Removes what a process that is gone left.
Result<void> Exporter::clear()
{
    reap();
    TRY(env_.files.remove(socket_));
    return env_.files.remove(pid_file_);
}

Result<void> Exporter::trim_log()
{
    auto const file = TRY(env_.files.open(log_file_, Access::write));
    auto const size = TRY(file->size_bytes());
    if (size <= kMaxLogBytes)
        return {};
    return file->truncate(0); // nbdkit appends, so it goes on at the new end
}

std::string Exporter::last_words()
{
    auto const file = env_.files.open(log_file_, Access::read);
    if (!file.ok())
        return {};
    auto const size = file.value()->size_bytes();
    if (!size.ok())
        return {};
    auto const from = size.value() - std::min<std::uint64_t>(size.value(), kLastWordsBytes);
    std::string text(kLastWordsBytes, '\0');
    auto const got = file.value()->read_at(from, std::as_writable_bytes(std::span(text)));
    text.resize(got.ok() ? got.value() : 0);
    return telling_line(text);
}

} // namespace karat::volumes
