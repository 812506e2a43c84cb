// SPDX-License-Identifier: Apache-2.0
#include "identity.hpp"

#include "karat/capabilities.hpp"
#include "os_error.hpp"

#include <array>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace karat::confine {
namespace {

using Set = std::uint64_t;
constexpr Set kNothing = 0;
constexpr Set only(int capability) { return Set{1} << capability; }

/// What karatd does with them: karat-confine makes namespaces (SYS_ADMIN), control groups and
/// users (SETUID, SETGID, SETPCAP); files are given to those users and read again (CHOWN, FOWNER,
/// DAC_OVERRIDE); their processes are ended (KILL) and looked at (SYS_PTRACE); forwards of guests
/// may listen below 1024 (NET_BIND_SERVICE).
constexpr Set kDaemon = only(CAP_SYS_ADMIN) | only(CAP_SETUID) | only(CAP_SETGID) |
                        only(CAP_SETPCAP) | only(CAP_CHOWN) | only(CAP_FOWNER) |
                        only(CAP_DAC_OVERRIDE) | only(CAP_KILL) | only(CAP_SYS_PTRACE) |
                        only(CAP_NET_BIND_SERVICE);

struct Sets {
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> data = {};
};

Result<Set> permitted()
{
    Sets sets;
    if (::syscall(SYS_capget, &sets.header, sets.data.data()) != 0)
        return os_error("read the capabilities");
    return Set{sets.data[1].permitted} << 32 | sets.data[0].permitted;
}

Result<void> keep(Set kept, Set inherited)
{
    Sets sets;
    for (int half = 0; half < 2; ++half) {
        auto const word = [=](Set set) { return static_cast<__u32>(set >> (32 * half)); };
        sets.data[static_cast<std::size_t>(half)] = {word(kept), word(kept), word(inherited)};
    }
    if (::syscall(SYS_capset, &sets.header, sets.data.data()) != 0)
        return os_error("give up capabilities");
    return {};
}

/// No program that is started later has more. Left out without the right to do so.
Result<void> bound(Set kept)
{
    if ((TRY(permitted()) & only(CAP_SETPCAP)) == 0)
        return {};
    for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
        if ((kept & only(capability)) == 0 && ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
            return os_error("bound the capabilities");
    return {};
}

Result<void> refuse_new_privileges()
{
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return os_error("refuse new privileges");
    return {};
}

Result<void> change_user(Launch const& launch)
{
    if (!launch.user)
        return {};
    auto const id = *launch.user;
    std::vector<gid_t> const groups(launch.groups.begin(), launch.groups.end());
    if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 ||
        ::setgroups(groups.size(), groups.data()) != 0 || ::setresgid(id, id, id) != 0 ||
        ::setresuid(id, id, id) != 0)
        return os_error(fmt::format("become user {}", id));
    return {};
}

} // namespace

Result<void> become(Launch const& launch)
{
    auto const wanted = launch.bind_low_ports ? only(CAP_NET_BIND_SERVICE) : kNothing;
    auto const kept = TRY(permitted()) & wanted;
    TRY(bound(kept));
    TRY(change_user(launch));
    TRY(keep(kept, kept));
    (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (kept != kNothing &&
        ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) != 0)
        return os_error("keep the right to bind low ports");
    return refuse_new_privileges();
}

Result<void> drop_daemon_capabilities()
{
    auto const kept = TRY(permitted()) & kDaemon;
    TRY(bound(kept));
    TRY(keep(kept, kNothing));
    return refuse_new_privileges();
}

} // namespace karat::confine
