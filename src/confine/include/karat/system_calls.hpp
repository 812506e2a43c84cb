// SPDX-License-Identifier: Apache-2.0
// Which system calls a process may make, by libseccomp. Cannot be undone; holds for all threads and
// for every program that is started later.
#pragma once

#include "karat/result.hpp"

namespace karat::confine {

/// For any program: refuses (EPERM) what none of ours needs and attacks on the kernel begin with:
/// namespaces, mounts, tracing, BPF, keys, modules, io_uring, userfaultfd, perf, clocks, …; and
/// signals to other processes than the caller's own.
Result<void> refuse_dangerous_calls();

/// What a server of ours does once it runs.
enum class Serving : unsigned char {
    network, ///< karat-net: one thread, sockets of all kinds.
    disks,   ///< karat-blk: threads, files, connections on a unix socket.
};
/// Refuses (EPERM) all but what is listed for it: no program can be started any more. Does nothing
/// in sanitized builds, whose runtime needs more.
Result<void> allow_serving_calls(Serving serving);

} // namespace karat::confine
