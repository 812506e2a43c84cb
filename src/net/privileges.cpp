// SPDX-License-Identifier: Apache-2.0
#include "privileges.hpp"

#include "os_error.hpp"

#include <array>
#include <csignal>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace karat::net {
namespace {

constexpr rlim_t kMaxFileBytes = 1024 * 1024; // the console ring and a log
constexpr rlim_t kMaxDescriptors = 2048;      // bounds the guest's connections

Result<void> limit(__rlimit_resource resource, rlim_t most)
{
    rlimit current = {};
    if (::getrlimit(resource, &current) != 0)
        return os_error("read a limit");
    auto const lowered = std::min(most, current.rlim_max);
    rlimit const wanted = {lowered, lowered};
    if (::setrlimit(resource, &wanted) != 0)
        return os_error("set a limit");
    return {};
}

/// Keeps CAP_NET_BIND_SERVICE if we have it, and nothing else.
Result<void> limit_capabilities()
{
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> sets = {};
    if (::syscall(SYS_capget, &header, sets.data()) != 0)
        return os_error("read the capabilities");
    auto const kept = sets[0].permitted & (1U << CAP_NET_BIND_SERVICE);
    sets[0] = {.effective = kept, .permitted = kept, .inheritable = 0};
    sets[1] = {};
    if (::syscall(SYS_capset, &header, sets.data()) != 0)
        return os_error("give up capabilities");
    return {};
}

} // namespace

Result<void> drop_privileges()
{
    TRY(limit(RLIMIT_CORE, 0));
    TRY(limit(RLIMIT_FSIZE, kMaxFileBytes));
    TRY(limit(RLIMIT_NOFILE, kMaxDescriptors));
    ::signal(SIGXFSZ, SIG_IGN); // a write beyond the limit fails instead of killing us
    ::signal(SIGPIPE, SIG_IGN);
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return os_error("refuse new privileges");
    return limit_capabilities();
}

} // namespace karat::net
