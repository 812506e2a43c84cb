// SPDX-License-Identifier: Apache-2.0
// Keeps karat-blk running: nbdkit with our plugin, one process per host, which outlives the daemon
// so that guests never notice a restart of it. Files in the run directory:
//   blk.sock   where it serves
//   blk.pid    its process number, written by nbdkit when it serves
//   blk.log    what it says; emptied at each start and when it grows over a bound
#pragma once

#include "karat/mutex.hpp"
#include "karat/process.hpp"
#include "karat/volumes.hpp"

namespace karat::volumes {

/// Thread-safe. The process belongs to the run directory, not to this object.
class Exporter {
public:
    Exporter(Env env, Options options);

    std::string const& socket() const { return socket_; }
    /// As Volumes::serve(), supervise() and stop_serving().
    Result<void> serve();
    Result<void> supervise();
    Result<void> stop();

private:
    std::optional<Process> find();
    bool serves();
    std::vector<std::string> arguments() const;
    bool is_current(Process const& process);
    Result<void> end_outdated();
    Result<void> serve_locked() REQUIRES(mutex_);
    Result<void> start() REQUIRES(mutex_);
    Result<void> wait_for_start(Process const& child);
    void reap() REQUIRES(mutex_);
    Result<void> clear() REQUIRES(mutex_);
    Result<void> trim_log();
    std::string last_words();

    Env env_;
    Options options_;
    std::string socket_;
    std::string pid_file_;
    std::string log_file_;
    Mutex mutex_;
    /// The one that this object started, until it is reaped.
    std::optional<Process> child_ GUARDED_BY(mutex_);
};

} // namespace karat::volumes
