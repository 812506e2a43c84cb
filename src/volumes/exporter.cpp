// SPDX-License-Identifier: Apache-2.0
#include "exporter.hpp"

#include "listener.hpp"

#include "karat/hash.hpp"
#include "karat/log.hpp"
#include "karat/text.hpp"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace karat::volumes {
namespace {

constexpr int kStepMs = 5;
constexpr std::chrono::seconds kStartPatience{10};
constexpr int kThreads = 16;
/// Half of what karat-blk keeps free where nothing is said.
constexpr std::uint64_t kUsualKeepFree = std::uint64_t{1} << 30;
constexpr int kRoundMs = 1000; // between two looks at a server that lives
constexpr int kRetryMs = 2000; // after a start that failed
constexpr std::chrono::milliseconds kGreetingPatience{1000};
constexpr int kMostSilent = 2; // one greeting may be late on a busy host
constexpr std::chrono::milliseconds kAtOnce{0};
constexpr std::chrono::seconds kPolite{5};
constexpr auto kOwnerOnly =
    std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;
constexpr std::uint64_t kMaxLogBytes = 1 << 20;
constexpr unsigned kServer = 0;                  // of the user ids set aside
constexpr unsigned kReaders = confine::kReaders; // the group of those that may connect
constexpr std::uint64_t kMemoryMib = 2048;
constexpr int kTasks = 256;
constexpr int kWeight = 200; // all guests wait for it
constexpr std::size_t kBootIdBytes = 36;
constexpr char const* kRelative = "nbd/blk.sock";
constexpr std::size_t kLastWordsBytes = 4096;
constexpr std::size_t kMaxMapsBytes = 1 << 20;

/// The last line that reports an error, or else the last line.
std::string telling_line(std::string_view text)
{
    std::string last;
    std::string error;
    while (!text.empty()) {
        if (auto const line = take_until(text, '\n'); !line.empty())
            last = line;
        if (last.find("error:") != std::string::npos)
            error = last;
    }
    return error.empty() ? last : error;
}

/// Confined, karat-blk has no /proc where it could read it.
std::string boot_id()
{
    auto const file = posix_env().files.open("/proc/sys/kernel/random/boot_id", Access::read);
    Bytes text(kBootIdBytes);
    auto const got = file.ok() ? file.value()->read_at(0, text) : Result<std::size_t>(0);
    return std::string(as_text(std::span(text).first(got.ok() ? got.value() : 0)));
}

void wait_a_step() { (void)::poll(nullptr, 0, kStepMs); }

} // namespace

Exporter::Exporter(Env env, Options options)
    : env_(env)
    , options_(std::move(options))
    , folder_(options_.run_directory + "/nbd")
    , grants_(options_.run_directory + "/grants")
    , old_socket_(options_.run_directory + "/blk.sock")
    , socket_(folder_ + "/blk.sock")
    , next_socket_(folder_ + "/blk.next.sock")
    , pid_file_(options_.run_directory + "/blk.pid")
    , log_file_(options_.run_directory + "/blk.log")
    , wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
{
    VERIFY(wake_.open());
}

Exporter::~Exporter() { end_keeper(); }

Result<void> Exporter::serve()
{
    if (options_.plugin.empty())
        return {};
    {
        Lock const guard(mutex_);
        for (auto const& folder : {options_.run_directory, folder_, grants_})
            TRY(env_.files.make_dirs(folder));
        if (options_.isolation && options_.isolation->user(kReaders))
            TRY(confine::protect(folder_, 0711)); // for QEMU, which knows the name
        auto found = look();
        TRY(settle(found));
        if (!found.greets || !is_current(*found.process))
            TRY(replace(found)); // not there, of an earlier version, or hanging
        else
            hold(std::move(*found.process)); // an earlier run of the daemon left it
    }
    Lock const guard(keeper_mutex_);
    if (!keeper_.joinable())
        keeper_ =
            Thread("keeper", Thread::OnThrow::go_on, [this](std::stop_token const&) { keep(); });
    return {};
}

Result<void> Exporter::exchange()
{
    Lock const guard(mutex_);
    if (options_.plugin.empty())
        return {};
    return replace(look());
}

Result<void> Exporter::stop()
{
    end_keeper();
    Lock const guard(mutex_);
    if (options_.plugin.empty())
        return {};
    auto const found = look();
    TRY(settle(found));
    if (found.process) {
        TRY(found.process->end(kPolite));
        log(Level::info, "blk.stopped", {{"pid", found.process->pid()}});
    }
    server_.reset();
    TRY(env_.files.remove(socket_));
    TRY(env_.files.remove(old_socket_));
    return env_.files.remove(pid_file_);
}

/// Ours is what was started to serve on one of our sockets, of which earlier versions had others.
std::optional<Process> Exporter::ours(int pid)
{
    auto process = Process::find(env_.files, pid);
    for (auto const& socket :
         {next_socket_, old_socket_, options_.run_directory + "/blk.next.sock"})
        if (process && process->was_started_with(socket))
            return process;
    return std::nullopt;
}

Exporter::Found Exporter::look()
{
    Found found;
    if (auto const listener = listener_of(old_socket_, kGreetingPatience)) {
        found.listens = true;
        found.process = ours(listener->pid);
        found.greets = found.process && listener->greeted;
    }
    if (!found.process) // it may be too busy to tell, or have lost its socket
        if (auto const named = Process::find_in(env_.files, pid_file_))
            found.process = ours(named->pid());
    if (!found.process) // somebody may have deleted run/
        found.process = Process::search(env_.files, next_socket_);
    return found;
}

/// Ends what an exchange that was cut short has left beside the server: the one that should have
/// followed it, or the one before it.
Result<void> Exporter::settle(Found const& found)
{
    auto const next = listener_of(next_socket_, kAtOnce);
    auto const named = Process::find_in(env_.files, pid_file_);
    for (int const pid : {next ? next->pid : 0, named ? named->pid() : 0}) {
        auto const left = ours(pid);
        if (!left || (found.process && found.process->pid() == pid))
            continue;
        log(Level::warn, "blk.left_over", {{"pid", pid}});
        TRY(left->end(kAtOnce));
    }
    return env_.files.remove(next_socket_);
}

/// What nbdkit is given; where the keys are, never what they are.
std::vector<std::string> Exporter::arguments() const
{
    std::vector<std::string> words{"--foreground",  "--readonly",
                                   "--unix",        next_socket_,
                                   "--threads",     std::to_string(kThreads),
                                   options_.plugin, "store=" + options_.store_directory};
    if (!options_.key_door.empty())
        words.push_back("key-door=" + options_.key_door);
    else if (!options_.key_file.empty())
        words.push_back("keys=" + options_.key_file);
    if (options_.isolation) {
        words.push_back("grants=" + grants_);
        words.push_back("boot=" + boot_id());
    }
    if (!options_.cache_directory.empty()) {
        words.push_back("cache=" + options_.cache_directory);
        words.push_back(fmt::format("cache-size={}M", options_.cache_mib));
        if (options_.keep_free_bytes > kUsualKeepFree)
            words.push_back(fmt::format("keep-free={}", 2 * options_.keep_free_bytes));
    }
    return words;
}

/// Whether it runs with the settings and the plugin of today.
bool Exporter::is_current(Process const& process)
{
    for (auto const& word : arguments())
        if (!process.was_started_with(word))
            return false;
    if (!options_.plugin.ends_with(".so")) // a script is not mapped
        return true;
    auto const maps = env_.files.open(fmt::format("/proc/{}/maps", process.pid()), Access::read);
    std::string text(kMaxMapsBytes, '\0');
    auto const got = maps.ok() ? maps.value()->read_at(0, std::as_writable_bytes(std::span(text)))
                               : Result<std::size_t>(0);
    text.resize(got.ok() ? got.value() : 0);
    struct stat plugin = {}; // by number: the name is told in the process's own mounts
    return ::stat(options_.plugin.c_str(), &plugin) != 0 ||
           text.find(fmt::format(" {} ", plugin.st_ino)) != std::string::npos;
}

/// Puts a new server in the place of the old one. While the old one answers it stays until the new
/// one does: then guests wait for a new connection only. If the old one is gone or hangs, the new
/// one takes its place as soon as it listens, which is before it answers.
Result<void> Exporter::replace(Found const& old)
{
    if (old.listens && !old.process)
        return fail(Fault::in_use,
                    fmt::format("Another program serves on {}; stop it, or give Karat another run "
                                "directory",
                                old_socket_));
    if (old.process)
        log(Level::info, "blk.replacing", {{"pid", old.process->pid()}});
    TRY(env_.files.remove(next_socket_));
    auto child = TRY(spawn());
    auto const taken = take_over(old, child);
    if (!taken.ok() && !ending_) // none is left behind, however often this is tried
        TRY(child.end(kAtOnce));
    TRY(taken);
    log(Level::info, "blk.serving", {{"pid", child.pid()}, {"socket", socket_}});
    hold(std::move(child));
    return {};
}

Result<void> Exporter::take_over(Found const& old, Process const& child)
{
    auto const pid = child.pid();
    auto const greets_at = [pid](std::string const& path) {
        auto const listener = listener_of(path, kGreetingPatience);
        return listener && listener->pid == pid && listener->greeted;
    };
    std::error_code ignored;
    TRY(wait_until(child, [&] { // a socket is there once it is bound, and listens right after
        return old.greets ? greets_at(next_socket_)
                          : std::filesystem::exists(next_socket_, ignored);
    }));
    std::filesystem::permissions(next_socket_, kOwnerOnly, ignored); // nbdkit went by our umask
    if (options_.isolation)
        TRY(confine::share(next_socket_, options_.isolation->user(kReaders),
                           confine::Share::write));
    TRY(env_.files.rename(next_socket_, socket_));
    TRY(link_old_name());
    if (old.process)
        TRY(old.process->end(kAtOnce));
    return wait_until(child, [&] { return greets_at(socket_); });
}

/// blk.sock in the run directory, where earlier versions served, leads to the socket.
Result<void> Exporter::link_old_name()
{
    std::error_code code;
    std::filesystem::path const old = old_socket_;
    if (std::filesystem::read_symlink(old, code) == kRelative)
        return {};
    auto const fresh = old_socket_ + ".new";
    TRY(env_.files.remove(fresh));
    std::filesystem::create_symlink(kRelative, fresh, code);
    if (!code)
        std::filesystem::rename(fresh, old, code);
    return code ? fail(Fault::io, fmt::format("Cannot make {}: {}", old_socket_, code.message()))
                : Result<void>();
}

/// What karat-blk may see and use. Files of the daemon appear as its own, so that it needs neither
/// root nor a group.
confine::Cage Exporter::cage() const
{
    confine::Cage cage{.name = "blk-" + sha256(options_.run_directory).text().substr(0, 16)};
    bool const owns = options_.isolation->owns();
    auto& readable = owns ? cage.owned_readable : cage.readable;
    auto& writable = owns ? cage.owned_writable : cage.writable;
    if (owns)
        cage.user = options_.isolation->user(kServer);
    cage.readable = {options_.plugin};
    readable.push_back(options_.store_directory);
    readable.push_back(grants_);
    if (!options_.key_door.empty())
        readable.push_back(std::filesystem::path(options_.key_door).parent_path().string());
    writable.push_back(folder_);
    if (!options_.cache_directory.empty())
        writable.push_back(options_.cache_directory);
    cage.limits = {.memory_mib = kMemoryMib, .processes = kTasks, .weight = kWeight};
    return cage;
}

void Exporter::hold(Process process)
{
    auto const number = fmt::format("{}\n", process.pid());
    server_ = std::move(process);
    silent_ = 0;
    auto const kept = publish_file(env_.files, pid_file_, as_bytes(number));
    if (!kept.ok()) // a full disk; who serves is found by the socket
        log(Level::warn, "blk.pid_not_kept", kept.error());
}

Result<Process> Exporter::spawn()
{
    if (next_socket_.size() >= sizeof(sockaddr_un::sun_path))
        return fail(Fault::invalid,
                    fmt::format("The path {} is too long for a socket ({} bytes at most); give "
                                "Karat a run directory with a shorter path",
                                next_socket_, sizeof(sockaddr_un::sun_path) - 1));
    Process::Command command{.program = options_.nbdkit,
                             .arguments = arguments(),
                             .error_log = log_file_,
                             .standard_output = Process::kToErrorLog};
    if (options_.isolation)
        command = options_.isolation->confine(cage(), std::move(command));
    auto spawned = Process::spawn(command);
    if (!spawned.ok() && spawned.error().fault == Fault::not_found)
        return fail(Fault::unavailable,
                    fmt::format("Snapshots cannot be served: {} is not installed; run 'apt-get "
                                "install nbdkit'",
                                options_.nbdkit));
    return spawned;
}

/// Waits until the new server is as far as wanted. When the daemon ends meanwhile, the next one
/// ends it.
Result<void> Exporter::wait_until(Process const& child, std::function<bool()> const& is_so)
{
    auto const deadline = env_.clock.steady() + kStartPatience;
    while (!ending_ && env_.clock.steady() < deadline) {
        if (is_so())
            return {};
        if (!child.alive())
            return fail(Fault::unavailable,
                        fmt::format("Snapshots cannot be served: nbdkit ended at once and said "
                                    "'{}'; {} has all of it",
                                    last_words(), log_file_));
        wait_a_step();
    }
    if (ending_)
        return fail(Fault::unavailable, "The daemon ends");
    return fail(Fault::unavailable,
                fmt::format("Snapshots cannot be served: nbdkit did not start within {} seconds; "
                            "look into {}",
                            kStartPatience.count(), log_file_));
}

/// One look at the server: a dead or hanging one is replaced.
Result<void> Exporter::look_after()
{
    auto found = look();
    if (found.greets) {
        silent_ = 0;
        if (!server_ || server_->pid() != found.process->pid())
            hold(std::move(*found.process));
        return trim_log();
    }
    if (found.process && ++silent_ < kMostSilent)
        return {};
    log(Level::warn, found.process ? "blk.stuck" : "blk.restarting",
        {{"last_words", last_words()}});
    return replace(found);
}

/// The keeper: returns when the daemon ends.
void Exporter::keep()
{
    while (!ending_) {
        wait_for_end();
        if (ending_)
            return;
        Lock guard(mutex_);
        auto const looked = look_after();
        guard.unlock();
        if (looked.ok() || ending_)
            continue;
        log(Level::error, "karat_blk.failed", looked.error());
        pollfd ending{wake_.get(), POLLIN, 0};
        (void)::poll(&ending, 1, kRetryMs);
    }
}

/// Until the server's end, a look is due, or the daemon ends.
void Exporter::wait_for_end()
{
    Fd server; // a descriptor of our own, which stays open meanwhile
    bool silent = false;
    {
        Lock const guard(mutex_);
        if (server_)
            server = Fd(::fcntl(server_->pidfd(), F_DUPFD_CLOEXEC, 0));
        silent = silent_ > 0;
    }
    pollfd waits[] = {{wake_.get(), POLLIN, 0}, {server.get(), POLLIN, 0}};
    (void)::poll(waits, std::size(waits), silent ? 0 : kRoundMs);
}

void Exporter::end_keeper()
{
    ending_ = true;
    ::eventfd_write(wake_.get(), 1);
    Lock const guard(keeper_mutex_);
    if (keeper_.joinable())
        keeper_.join();
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
