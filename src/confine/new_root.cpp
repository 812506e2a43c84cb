// SPDX-License-Identifier: Apache-2.0
#include "new_root.hpp"

#include "os_error.hpp"

#include "karat/env.hpp"
#include "karat/fd.hpp"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace karat::confine {
namespace {

constexpr char const* kRoot = "/dev"; // any folder that is always there; only we see it covered
constexpr mode_t kFolderMode = 0755;

struct Source {
    Visible const* wanted;
    Fd fd; ///< Taken before the new root hides anything.
    bool folder = false;
};

Result<void> write_map(std::string const& path, std::string_view text)
{
    Fd const fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd.open() || ::write(fd.get(), text.data(), text.size()) < 0)
        return os_error("write " + path);
    return {};
}

/// Maps nobody but the caller.
Result<void> enter_user_namespace()
{
    auto const user = ::geteuid();
    auto const group = ::getegid();
    if (::unshare(CLONE_NEWUSER) != 0)
        return os_error("make a user namespace");
    TRY(write_map("/proc/self/setgroups", "deny"));
    TRY(write_map("/proc/self/uid_map", fmt::format("{0} {0} 1", user)));
    return write_map("/proc/self/gid_map", fmt::format("{0} {0} 1", group));
}

Result<std::vector<Source>> open_sources(std::vector<Visible> const& visible)
{
    std::vector<Source> sources;
    for (auto const& one : visible) {
        Fd fd(::open(one.path.c_str(), O_PATH | O_CLOEXEC));
        if (!fd.open() && errno == ENOENT)
            continue; // such as /lib64, or a device that this host lacks
        struct stat facts = {};
        if (!fd.open() || ::fstat(fd.get(), &facts) != 0)
            return os_error("open " + one.path);
        sources.push_back({&one, std::move(fd), S_ISDIR(facts.st_mode)});
    }
    return sources;
}

Result<void> make_folders(std::string const& path)
{
    for (std::size_t at = 1; at != std::string::npos && at < path.size();) {
        at = path.find('/', at);
        auto const part = path.substr(0, at);
        if (::mkdir(part.c_str(), kFolderMode) != 0 && errno != EEXIST)
            return os_error("make " + part);
        if (at != std::string::npos)
            ++at;
    }
    return {};
}

/// Within what is shown already, all that can be shown is there.
Result<void> make_place(Source const& source, std::string const& place)
{
    if (::faccessat(AT_FDCWD, place.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return {};
    if (source.folder)
        return make_folders(place);
    TRY(make_folders(place.substr(0, place.rfind('/'))));
    Fd const file(::open(place.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    return file.open() ? Result<void>() : os_error("make " + place);
}

bool is_owned(Source const& source)
{
    return source.wanted->how == Visible::How::owned ||
           source.wanted->how == Visible::How::owned_read;
}

/// A mount of the source that is nowhere yet.
Result<Fd> detached(Source const& source, Fd const& owner)
{
    bool const owned = is_owned(source);
    unsigned const depth = owned ? 0 : AT_RECURSIVE;
    Fd tree(::open_tree(source.fd.get(), "",
                        AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | depth));
    if (!tree.open())
        return os_error("show " + source.wanted->path);
    mount_attr attributes = {};
    attributes.attr_set = MOUNT_ATTR_NOSUID;
    if (source.wanted->how != Visible::How::device)
        attributes.attr_set |= MOUNT_ATTR_NODEV;
    if (source.wanted->how == Visible::How::read || source.wanted->how == Visible::How::owned_read)
        attributes.attr_set |= MOUNT_ATTR_RDONLY;
    if (owned) {
        attributes.attr_set |= MOUNT_ATTR_IDMAP;
        attributes.userns_fd = static_cast<__u64>(owner.get());
    }
    if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH | depth, &attributes, sizeof attributes) != 0)
        return os_error("restrict " + source.wanted->path);
    return tree;
}

Result<void> bind(Source const& source, Fd const& owner)
{
    auto const& wanted = *source.wanted;
    auto const place =
        fmt::format("{}{}", kRoot, wanted.place.empty() ? wanted.path : wanted.place);
    auto const tree = TRY(detached(source, owner));
    TRY(make_place(source, place));
    if (::move_mount(tree.get(), "", AT_FDCWD, place.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return os_error("show " + source.wanted->path);
    return {};
}

/// A user namespace in which root is the user: mounts that go by it show root's files as the
/// user's. A child has it, as long as it takes to get hold of it.
Result<Fd> owner_namespace(unsigned user)
{
    auto const child =
        static_cast<pid_t>(::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    if (child < 0)
        return os_error("make a user namespace");
    auto const place = fmt::format("/proc/{}/", child);
    auto const map = fmt::format("0 {} 1", user);
    auto written = write_map(place + "uid_map", map);
    if (written.ok())
        written = write_map(place + "gid_map", map);
    Fd found(::open((place + "ns/user").c_str(), O_RDONLY | O_CLOEXEC));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    TRY(written);
    return found.open() ? Result<Fd>(std::move(found)) : os_error("open a user namespace");
}

Result<void> make_link(Link const& link)
{
    auto const place = fmt::format("{}{}", kRoot, link.name);
    TRY(make_folders(place.substr(0, place.rfind('/'))));
    if (::symlink(link.target.c_str(), place.c_str()) != 0)
        return os_error("link " + link.name);
    return {};
}

/// Shows no process but the caller's own.
Result<void> mount_proc()
{
    auto const place = std::string(kRoot) + "/proc";
    TRY(make_folders(place));
    if (::mount("proc", place.c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                "hidepid=ptraceable,subset=pid") != 0)
        return os_error("mount /proc");
    return {};
}

Result<void> build(Launch const& launch)
{
    auto const sources = TRY(open_sources(launch.visible));
    Fd owner;
    if (std::ranges::any_of(sources, is_owned))
        owner = TRY(owner_namespace(launch.user.value_or(0)));
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return os_error("keep mounts private");
    if (::mount("karat", kRoot, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755") != 0)
        return os_error("mount a root");
    for (auto const& source : sources)
        TRY(bind(source, owner));
    for (auto const& link : launch.links)
        TRY(make_link(link));
    if (launch.proc)
        TRY(mount_proc());
    if (::chdir(kRoot) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0 ||
        ::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0)
        return os_error("change the root");
    if (::mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV,
                nullptr) != 0)
        return os_error("keep the root from being written");
    return {};
}

} // namespace

Result<void> enter_namespaces(Launch const& launch)
{
    if (launch.user_namespace)
        TRY(enter_user_namespace());
    int const network = launch.own_network ? CLONE_NEWNET : 0;
    int const mounts = launch.own_root ? CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS : 0;
    if ((network | mounts) != 0 && ::unshare(network | mounts) != 0)
        return os_error("make namespaces");
    if (launch.own_root)
        TRY(build(launch));
    if (::chdir(launch.directory.c_str()) != 0)
        return os_error("enter " + launch.directory);
    return {};
}

} // namespace karat::confine
