// SPDX-License-Identifier: Apache-2.0
// Processes that outlive us, held by pidfd so that a reused pid is never mistaken for them.
#pragma once

#include "karat/env.hpp"
#include "karat/fd.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace karat::compute {

/// A running or ended process. Ending the object does not end the process.
class Process {
public:
    struct Command {
        std::string program; ///< Looked up in PATH unless it has a '/'.
        std::vector<std::string> arguments;
        std::string directory;    ///< Where it runs.
        std::string error_log;    ///< Its standard error; emptied first.
        int standard_output = -1; ///< A descriptor for it, or -1 for /dev/null.
    };

    /// Starts it in a session of its own. Fault::not_found when there is no such program.
    static Result<Process> spawn(Command const& command);

    /// The process that a pid file names, if it lives and `mark` is in its command line.
    static Result<std::optional<Process>> find(Files& files, std::string const& pid_file,
                                               std::string const& mark);

    int pid() const { return pid_; }
    int pidfd() const { return pidfd_.get(); }
    /// Waits for its end and collects it if it is our child; false when it lives on.
    bool wait(std::chrono::milliseconds patience) const;
    bool alive() const { return !wait(std::chrono::milliseconds(0)); }
    void signal(int number) const;
    /// SIGTERM, and after `patience` SIGKILL. Returns when it has ended; Fault::io if it does not
    /// even then (stuck in the kernel).
    Result<void> end(std::chrono::milliseconds patience) const;
    /// How it ended, for people: "exit status 1", "signal 9"; of our own children only.
    std::string const& ending() const { return ending_; }

private:
    Process(int pid, Fd pidfd)
        : pid_(pid)
        , pidfd_(std::move(pidfd))
    {
    }
    int pid_;
    Fd pidfd_;
    mutable std::string ending_ = "an unknown ending";
};

} // namespace karat::compute
