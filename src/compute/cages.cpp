// SPDX-License-Identifier: Apache-2.0
#include "cages.hpp"

#include "disk_view.hpp"

#include "karat/console_ring.hpp"

#include <sys/stat.h>

namespace karat::compute {
namespace {

using confine::Share;

constexpr char const* kKvm = "/dev/kvm";
constexpr std::uint64_t kQemuMib = 512;        // beside the guest's memory and an eighth of it
constexpr std::uint64_t kTranslatedMib = 1024; // what software emulation keeps of the guest's code
constexpr int kQemuThreads = 256;
constexpr std::uint64_t kNetMib = 256;
constexpr int kNetThreads = 8;

std::string parent_of(std::string const& path) { return path.substr(0, path.rfind('/')); }

Result<void> make_file(Files& files, std::string const& path)
{
    TRY(files.open(path, Access::create));
    return {};
}

} // namespace

std::vector<unsigned> kvm_group()
{
    struct stat facts = {};
    bool const shared = ::stat(kKvm, &facts) == 0 && (facts.st_mode & 0060) == 0060;
    return shared && facts.st_gid != 0 ? std::vector<unsigned>{facts.st_gid}
                                       : std::vector<unsigned>{};
}

Result<confine::Cage> qemu_cage(Host const& host, Folder const& folder, Machine const& machine,
                                UserIndices const& users)
{
    auto const& isolation = *host.options.isolation;
    auto const memory = static_cast<std::uint64_t>(machine.memory_mib);
    confine::Cage cage{.name = machine.id.text(), .user = isolation.user(users.qemu)};
    cage.groups = kvm_group();
    if (auto const readers = isolation.user(confine::kReaders))
        cage.groups.push_back(*readers);
    cage.readable = host.options.readable;
    cage.readable.push_back(host.options.ovmf_code);
    cage.elsewhere = TRY(disk_mounts(host, folder, cage.user));
    cage.writable = {folder.uefi_vars()};
    cage.devices = {kKvm};
    cage.limits = {.memory_mib = memory + memory / 8 + kQemuMib +
                                 (host.accelerator == "kvm" ? 0 : kTranslatedMib),
                   .processes = kQemuThreads + machine.vcpus,
                   .weight = 100 * machine.vcpus};
    cage.pid_file = folder.qemu_pid();
    return cage;
}

confine::Cage net_cage(Host const& host, Folder const& folder, net::Settings const& settings,
                       UserIndices const& users)
{
    confine::Cage cage{.name = settings.instance + "-net",
                       .user = host.options.isolation->user(users.net),
                       .network = confine::Network::hosts};
    cage.writable = {folder.path};
    if (!settings.imds_socket.empty())
        cage.readable = {parent_of(settings.imds_socket)};
    cage.limits = {.memory_mib = kNetMib, .processes = kNetThreads};
    cage.pid_file = folder.net_pid();
    return cage;
}

Result<void> give_overlay(Host const& host, Folder const& folder, std::string const& path,
                          UserIndices const& users)
{
    auto const user = host.options.isolation->user(users.qemu);
    auto const there = TRY(host.env.files.exists(path));
    if (!there)
        return fail(Fault::not_found, "There is no overlay " + path);
    TRY(confine::share(parent_of(path), user, Share::enter)); // where it is shown as it is
    TRY(confine::share(path, user, Share::write));
    return show_disk(host, folder, path, user);
}

Result<void> give_disk(Host const& host, Folder const& folder, Disk const& disk,
                       UserIndices const& users)
{
    for (auto const& path : disk.overlays)
        TRY(give_overlay(host, folder, path, users));
    if (!disk.backing)
        return {};
    if (disk.backing->file.empty())
        return grant_export(host, disk.backing->name, host.options.isolation->user(users.qemu));
    auto const& file = disk.backing->file;
    auto const there = TRY(host.env.files.exists(file));
    if (!there)
        return fail(Fault::not_found, "There is no file " + file);
    auto const& isolation = *host.options.isolation;
    TRY(confine::share(file, isolation.user(confine::kReaders), Share::read));
    return show_disk(host, folder, file, isolation.user(users.qemu));
}

Result<void> give_folder(Host const& host, Folder const& folder, UserIndices const& users)
{
    auto& files = host.env.files;
    auto const& isolation = *host.options.isolation;
    auto const net = isolation.user(users.net);
    TRY(net::ConsoleRing::open(files, folder.console_ring()));
    TRY(make_file(files, folder.qemu_log()));
    TRY(confine::share(folder.path, net, Share::enter));
    TRY(confine::share(folder.console_ring(), net, Share::write));
    TRY(confine::share(folder.qemu_log(), net, Share::write));
    TRY(files.make_dirs(folder.net_directory()));
    TRY(confine::share(folder.net_directory(), net, Share::fill));
    for (auto const& socket : {folder.net_socket(), folder.console_socket()})
        TRY(confine::share(socket, net, Share::write));
    auto const vars = TRY(files.exists(folder.uefi_vars()));
    return vars ? confine::share(folder.uefi_vars(), isolation.user(users.qemu), Share::write)
                : Result<void>();
}

Result<void> give_settings(Host const& host, Folder const& folder, UserIndices const& users)
{
    return confine::share(folder.net_settings(), host.options.isolation->user(users.net),
                          Share::read);
}

} // namespace karat::compute
