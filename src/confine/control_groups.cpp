// SPDX-License-Identifier: Apache-2.0
#include "control_groups.hpp"

#include "os_error.hpp"

#include "karat/env.hpp"
#include "karat/log.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace karat::confine {
namespace {

constexpr char const* kBase = "/sys/fs/cgroup";
constexpr char const* kOurs = "/karat";
constexpr std::size_t kMaxListBytes = 4096;

/// One controller, and its files in version 1 and 2.
struct Controller {
    char const* name;                     ///< In version 2.
    char const* old_name;                 ///< In version 1.
    std::array<char const*, 2> old_files; ///< The first that is there is written.
    char const* file;
    std::string (*old_value)(Limits const&);
    std::string (*value)(Limits const&);
};

std::string bytes_of(Limits const& limits) { return std::to_string(limits.memory_mib << 20); }
std::string processes_of(Limits const& limits) { return std::to_string(limits.processes); }
std::string weight_of(Limits const& limits) { return std::to_string(limits.weight); }

constexpr std::array<Controller, 4> kControllers = {{
    {"memory", "memory", {"memory.limit_in_bytes", nullptr}, "memory.max", bytes_of, bytes_of},
    {"pids", "pids", {"pids.max", nullptr}, "pids.max", processes_of, processes_of},
    {"cpu",
     "cpu",
     {"cpu.shares", nullptr},
     "cpu.weight",
     [](Limits const& limits) { return std::to_string(std::max(2, limits.weight * 1024 / 100)); },
     weight_of},
    {"io",
     "blkio",
     {"blkio.bfq.weight", "blkio.weight"},
     "io.weight",
     [](Limits const& limits) { return std::to_string(std::clamp(limits.weight, 10, 1000)); },
     weight_of},
}};

bool is_there(std::string const& path) { return ::access(path.c_str(), F_OK) == 0; }

bool write_text(std::string const& path, std::string_view text)
{
    int const fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool const done = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    int const code = errno;
    ::close(fd);
    errno = code;
    return done;
}

bool make_folder(std::string const& path)
{
    return ::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST;
}

/// The folder of ours for a controller; empty in version 1 where it is not mounted.
struct Place {
    std::string folder;
    bool unified = false;
};

Place place_of(Controller const& controller)
{
    auto const list = std::string(kBase) + "/cgroup.controllers";
    if (is_there(list))
        return {std::string(kBase) + kOurs, true};
    auto const old = std::string(kBase) + '/' + controller.old_name;
    return {is_there(old + "/cgroup.procs") ? old + kOurs : "", false};
}

/// The file that takes the limit in a group's folder; empty where the kernel has none.
std::string limit_file(Controller const& controller, Place const& place, std::string const& folder)
{
    if (place.unified)
        return is_there(folder + '/' + controller.file) ? folder + '/' + controller.file : "";
    for (auto const* const name : controller.old_files)
        if (name != nullptr && is_there(folder + '/' + name))
            return folder + '/' + name;
    return "";
}

/// Makes our folder, and in version 2 hands the controller down to it and to its groups.
bool prepare(Controller const& controller, Place const& place)
{
    auto const hand_down = [&](std::string const& folder) {
        return write_text(folder + "/cgroup.subtree_control", std::string("+") + controller.name);
    };
    if (!place.unified)
        return make_folder(place.folder);
    return hand_down(kBase) && make_folder(place.folder) && hand_down(place.folder);
}

std::string group_folder(Place const& place, std::string const& name)
{
    return place.folder + '/' + name;
}

/// Why a controller cannot be used; empty when it can.
std::string trouble_with(Controller const& controller)
{
    auto const place = place_of(controller);
    if (place.folder.empty())
        return fmt::format("no {} limits: this host has no control groups for them",
                           controller.name);
    if (!prepare(controller, place))
        return fmt::format("no {} limits: {} cannot be used: {}", controller.name, place.folder,
                           std::strerror(errno));
    auto const trial = group_folder(place, fmt::format("trial-{}", ::getpid()));
    bool const made = make_folder(trial);
    bool const fits = made && !limit_file(controller, place, trial).empty();
    ::rmdir(trial.c_str());
    return fits ? "" : fmt::format("no {} limits: the kernel offers none", controller.name);
}

} // namespace

Controllers find_controllers()
{
    Controllers found;
    for (auto const& controller : kControllers) {
        auto trouble = trouble_with(controller);
        if (trouble.empty())
            found.usable.emplace_back(controller.name);
        else
            found.missing.push_back(std::move(trouble));
    }
    return found;
}

std::vector<std::string> make_control_group(std::string const& name, Limits const& limits)
{
    std::vector<std::string> entrances;
    for (auto const& controller : kControllers) {
        auto const place = place_of(controller);
        if (place.folder.empty() || !is_there(place.folder))
            continue;
        auto const folder = group_folder(place, name);
        if (!make_folder(folder))
            continue;
        auto const file = limit_file(controller, place, folder);
        auto const value = place.unified ? controller.value(limits) : controller.old_value(limits);
        if (!file.empty() && !write_text(file, value))
            log(Level::warn, "confine.no_limit",
                {{"file", file}, {"value", value}, {"reason", std::strerror(errno)}});
        // In version 1 a process of one thread may enter alone, which waits for nobody.
        auto entrance = folder + (place.unified ? "/cgroup.procs" : "/tasks");
        if (::access(entrance.c_str(), W_OK) == 0 &&
            std::ranges::find(entrances, entrance) == entrances.end())
            entrances.push_back(std::move(entrance));
    }
    return entrances;
}

void remove_control_group(std::string const& name)
{
    for (auto const& controller : kControllers)
        if (auto const place = place_of(controller); !place.folder.empty())
            ::rmdir(group_folder(place, name).c_str());
}

} // namespace karat::confine
