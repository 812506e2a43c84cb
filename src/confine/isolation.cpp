// SPDX-License-Identifier: Apache-2.0
#include "control_groups.hpp"
#include "launch.hpp"
#include "os_error.hpp"

#include "karat/env.hpp"
#include "karat/fd.hpp"

#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fmt/ranges.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace karat::confine {
namespace {

constexpr std::chrono::seconds kTrialPatience{10};
constexpr std::size_t kStatusBytes = 8192;
constexpr char const* kResolver = "/etc/resolv.conf";
constexpr char const* kTrial = "/bin/true"; // not looked for in PATH
constexpr std::array kSystem = {"/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache"};
constexpr std::array kDevices = {"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"};
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kNeedsProc = true; // the sanitizers' runtime reads /proc/self/maps
#else
constexpr bool kNeedsProc = false;
#endif

void show_system(Launch& launch)
{
    for (auto const* const path : kSystem)
        launch.visible.push_back({Visible::How::read, path});
    for (auto const* const path : kDevices)
        launch.visible.push_back({Visible::How::device, path});
}

/// The file with the host's name servers. A program that keeps it up to date replaces it: then its
/// folder is shown, so that the new one is seen, where it is a folder for that alone.
void show_resolver(Launch& launch)
{
    std::error_code code;
    auto const real = std::filesystem::canonical(kResolver, code);
    if (code)
        return;
    if (real == kResolver)
        return launch.visible.push_back({Visible::How::read, kResolver});
    launch.visible.push_back({Visible::How::read, real.parent_path().string()});
    launch.links.push_back({kResolver, real.string()});
}

void show(Launch& launch, Cage const& cage)
{
    for (auto const& path : cage.readable)
        launch.visible.push_back({Visible::How::read, path});
    for (auto const& path : cage.writable)
        launch.visible.push_back({Visible::How::write, path});
    for (auto const& path : cage.owned_readable)
        launch.visible.push_back({Visible::How::owned_read, path});
    for (auto const& path : cage.owned_writable)
        launch.visible.push_back({Visible::How::owned, path});
    for (auto const& [path, place] : cage.elsewhere)
        launch.visible.push_back({Visible::How::write, path, place});
    for (auto const& path : cage.devices)
        launch.visible.push_back({Visible::How::device, path});
    launch.links.insert(launch.links.end(), cage.links.begin(), cage.links.end());
}

/// What a process of a trial wrote into its standard error.
std::string read_back(int memory)
{
    std::string text(512, '\0');
    auto const got = ::pread(memory, text.data(), text.size(), 0);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    while (text.ends_with('\n'))
        text.pop_back();
    return text;
}

/// The number behind a name in /proc/PID/status; empty when it cannot be read.
std::string status_of(std::string const& process, std::string_view name)
{
    auto const file = posix_env().files.open(fmt::format("/proc/{}/status", process), Access::read);
    Bytes bytes(kStatusBytes); // its size is given as 0
    auto const got = file.ok() ? file.value()->read_at(0, bytes) : Result<std::size_t>(0);
    auto const text = as_text(std::span(bytes).first(got.ok() ? got.value() : 0));
    auto const line = fmt::format("\n{}:\t", name);
    auto const at = text.find(line);
    if (at == std::string_view::npos)
        return "";
    auto const rest = text.substr(at + line.size());
    return std::string(rest.substr(0, rest.find('\n')));
}

bool may_bind_low_ports()
{
    auto const effective = std::strtoull(status_of("self", "CapEff").c_str(), nullptr, 16);
    return (effective >> CAP_NET_BIND_SERVICE & 1) != 0;
}

Launch bare_root()
{
    Launch launch;
    launch.own_root = true;
    show_system(launch);
    return launch;
}

} // namespace

Result<Isolation> Isolation::choose(IsolationOptions options)
{
    if (::access(options.launcher.c_str(), X_OK) != 0)
        return fail(Fault::not_found, "karat-confine is not at " + options.launcher);
    Isolation isolation(std::move(options));
    auto const refused = isolation.why_not({});
    if (!refused.empty())
        return fail(Fault::io, "No process can be confined here: " + refused);
    isolation.in_force_ = {"no capabilities", "no new privileges", "system call filters"};
    isolation.bind_low_ports_ = may_bind_low_ports();
    isolation.choose_namespaces();
    isolation.choose_users();
    isolation.choose_owning();
    isolation.choose_limits();
    return isolation;
}

/// Starts a program that does nothing. Empty when it ran; else what stood in its way.
std::string Isolation::why_not(Launch const& launch) const
{
    Fd const said(::memfd_create("karat-trial", MFD_CLOEXEC));
    auto words = to_words(launch);
    words.emplace_back(kTrial);
    auto const trial = Process::spawn({.program = options_.launcher,
                                       .arguments = std::move(words),
                                       .error_log = fmt::format("/proc/self/fd/{}", said.get())});
    if (!trial.ok())
        return trial.error().message;
    if (!trial.value().wait(kTrialPatience)) {
        trial.value().signal(SIGKILL);
        return "it takes too long";
    }
    if (trial.value().ending() == "exit status 0")
        return "";
    auto const message = read_back(said.get());
    return message.empty() ? trial.value().ending() : message;
}

void Isolation::choose_namespaces()
{
    auto launch = bare_root();
    launch.own_network = true;
    bool const root = ::geteuid() == 0;
    launch.user_namespace = !root;
    auto const refused = kNeedsProc && !root ? "the sanitizers need /proc" : why_not(launch);
    if (!refused.empty()) {
        missing_.push_back("no mounts and network of their own for guests' processes: " + refused);
        return;
    }
    namespaces_ = root ? Namespaces::by_root : Namespaces::by_user;
    in_force_.emplace_back("own mounts, IPC and host name");
    in_force_.emplace_back("no network for QEMU and karat-blk");
}

void Isolation::choose_users()
{
    auto const say = [this](std::string_view why) {
        missing_.push_back(fmt::format("no user ids of their own for guests' processes: {}", why));
    };
    if (options_.first_user == 0)
        return say("the settings say so");
    if (::geteuid() != 0)
        return say("karatd does not run as root");
    if (namespaces_ != Namespaces::by_root) // they could not reach their files
        return say("they need mounts of their own");
    auto launch = bare_root();
    launch.user = options_.first_user;
    if (auto const refused = why_not(launch); !refused.empty())
        return say(refused);
    users_ = true;
    in_force_.push_back(fmt::format("own user ids ({} to {})", options_.first_user,
                                    options_.first_user + kUsers - 1));
}

void Isolation::choose_owning()
{
    if (!users_ || options_.data.empty())
        return;
    auto launch = bare_root();
    launch.user = options_.first_user;
    launch.visible.push_back({Visible::How::owned_read, options_.data});
    auto const refused = why_not(launch);
    owns_ = refused.empty();
    if (!owns_)
        missing_.push_back("no user id of its own for karat-blk: " + refused);
}

void Isolation::choose_limits()
{
    auto const found = find_controllers();
    if (!found.usable.empty())
        in_force_.push_back(fmt::format("limits ({})", fmt::join(found.usable, ", ")));
    missing_.insert(missing_.end(), found.missing.begin(), found.missing.end());
}

Process::Command Isolation::confine(Cage const& cage, Process::Command command) const
{
    Launch launch;
    launch.pid_file = cage.pid_file;
    launch.control_groups = make_control_group(cage.name, cage.limits);
    launch.directory = command.directory;
    if (users_) {
        launch.user = cage.user;
        launch.groups = cage.groups;
    }
    launch.bind_low_ports = cage.network == Network::hosts && bind_low_ports_;
    // In a user namespace nobody may bind a low port of this host's network.
    bool const apart = namespaces_ == Namespaces::by_root ||
                       (namespaces_ == Namespaces::by_user && !launch.bind_low_ports);
    if (apart) {
        launch.user_namespace = namespaces_ == Namespaces::by_user;
        launch.own_root = true;
        launch.own_network = cage.network == Network::none;
        launch.proc = kNeedsProc;
        show_system(launch);
        if (cage.network == Network::hosts)
            show_resolver(launch);
        show(launch, cage);
        if (command.program.find('/') != std::string::npos)
            launch.visible.push_back({Visible::How::read, command.program});
    }
    auto words = to_words(launch);
    words.push_back(std::move(command.program));
    words.insert(words.end(), command.arguments.begin(), command.arguments.end());
    command.program = options_.launcher;
    command.arguments = std::move(words);
    command.directory = std::string("/"); // the launcher enters the other
    return command;
}

void Isolation::release(std::string const& name) const { remove_control_group(name); }

std::optional<unsigned> Isolation::user(unsigned index) const
{
    return users_ && index < kUsers ? std::optional(options_.first_user + index) : std::nullopt;
}

namespace {

constexpr uid_t kKeepOwner = static_cast<uid_t>(-1);

mode_t mode_of(Share how)
{
    switch (how) {
    case Share::read:
        return 0640;
    case Share::write:
        return 0660;
    case Share::enter:
        return 0710;
    case Share::fill:
        return 0770;
    }
    return 0600;
}

} // namespace

bool is_confined(int pid)
{
    auto const process = std::to_string(pid);
    return status_of(process, "NoNewPrivs") == "1" && status_of(process, "Seccomp") == "2";
}

Result<void> share(std::string const& path, std::optional<unsigned> group, Share how)
{
    if (!group)
        return {};
    Fd const file(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat facts = {};
    if (!file.open() || ::fstat(file.get(), &facts) != 0)
        return os_error("open " + path);
    if (S_ISLNK(facts.st_mode)) // planted: what it leads to is not ours to give
        return fail(Fault::denied, path + " is a link");
    mode_t const mode = mode_of(how);
    auto const by_number = fmt::format("/proc/self/fd/{}", file.get());
    if (facts.st_gid == *group && (facts.st_mode & 07777) == mode)
        return {};
    if (::fchownat(file.get(), "", kKeepOwner, *group, AT_EMPTY_PATH) != 0 ||
        ::chmod(by_number.c_str(), mode) != 0)
        return os_error("share " + path);
    return {};
}

Result<void> protect(std::string const& folder, unsigned mode)
{
    return ::chmod(folder.c_str(), mode) == 0 ? Result<void>() : os_error("protect " + folder);
}

} // namespace karat::confine
