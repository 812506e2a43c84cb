// SPDX-License-Identifier: Apache-2.0
// Processes that outlive us, held by pidfd so that a reused pid is never mistaken for them.
#pragma once

#include "karat/env.hpp"
#include "karat/fd.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace karat {

/// A running or ended process. Ending the object does not end the process.
class Process {
public:
    static constexpr int kNowhere = -1;
    static constexpr int kToErrorLog = -2;

    struct Command {
        std::string program; ///< Looked up in PATH unless it has a '/'.
        std::vector<std::string> arguments;
        std::string directory = "/";     ///< Where it runs.
        std::string error_log;           ///< Its standard error; emptied first, then appended to.
        int standard_output = kNowhere;  ///< A descriptor, or one of the two words above.
        std::vector<int> inherited = {}; ///< Our descriptors that become its 3, 4, and so on.
    };

    /// Starts it in a session of its own, with no input, default signals, and no descriptor of ours
    /// but those that are named. Fault::not_found when there is no such program.
    static Result<Process> spawn(Command const& command);

    /// The process with this number; nothing if there is none, or it has ended.
    static std::optional<Process> find(Files& files, int pid);
    /// The process that a pid file names, if it lives.
    static std::optional<Process> find_in(Files& files, std::string const& pid_file);
    /// The process that a pid file names, if it lives and was started with `argument`.
    static std::optional<Process> find(Files& files, std::string const& pid_file,
                                       std::string_view argument);
    /// A process that was started with `argument`, among all of this host: for when its pid file is
    /// lost.
    static std::optional<Process> search(Files& files, std::string_view argument);

    int pid() const { return pid_; }
    int pidfd() const { return pidfd_.get(); }
    /// Whether `argument` is one of the words after the program's name, and the process leads a
    /// session of its own as those that spawn() starts do: an operator's `tail -f` with the same
    /// word, which has got a dead one's number, does not. Of processes that were found, not of
    /// those that were spawned.
    bool was_started_with(std::string_view argument) const;
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
    std::string command_line_; ///< Its words, a zero byte after each.
    bool leads_session_ = false;
    mutable std::string ending_ = "an unknown ending";
};

} // namespace karat
