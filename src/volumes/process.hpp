// SPDX-License-Identifier: Apache-2.0
// Starting, finding and ending the one process that this room looks after.
#pragma once

#include "karat/env.hpp"

#include <sys/types.h>

namespace karat::volumes {

/// A process held by a descriptor: a signal never reaches another that got its number. Closes
/// itself; the process goes on.
class Process {
public:
    /// Nothing if no process has that number, or it has ended and only waits to be reaped.
    static std::optional<Process> find(Files& files, pid_t pid);
    Process(Process&& other) noexcept;
    Process& operator=(Process&&) = delete;
    ~Process();

    pid_t pid() const { return pid_; }
    /// Whether `argument` is one of the words that the process was started with.
    bool was_started_with(std::string_view argument) const;
    /// Asks it to end, then makes it end; returns when it is gone (a few seconds at most).
    void end() const;

private:
    Process(pid_t pid, int fd)
        : pid_(pid)
        , fd_(fd)
    {
    }
    bool gone_within(int timeout_ms) const;

    pid_t pid_;
    int fd_;
    std::string command_line_; ///< Its words, a zero byte after each.
};

/// Starts a program in a session of its own, which outlives this process: no input, its output
/// appended to `log_path` (emptied first), no other descriptor inherited, default signals.
Result<pid_t> spawn(std::vector<std::string> const& command, std::string const& log_path);

/// If `pid` is a child of ours that has ended: takes note of it, and says so.
bool reap(pid_t pid);

/// The number of the process that listens on a unix socket; nothing if none does. 0 if it cannot
/// be told just now (many are connecting).
std::optional<pid_t> listener_of(std::string const& socket_path);

} // namespace karat::volumes
