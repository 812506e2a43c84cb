// SPDX-License-Identifier: Apache-2.0
// Keeps karat-blk running: nbdkit with our plugin, one process per host, which outlives the daemon
// so that guests never notice a restart of it. Files in the run directory:
//   nbd/blk.sock       where it serves, under whatever name it bound
//   nbd/blk.next.sock  where a successor binds, until it is renamed to blk.sock
//   blk.sock           leads there; earlier versions served here
//   grants/USER/NAME   that this user id, a guest's QEMU, may read the export (compute makes it)
//   blk.pid         the process number of who serves
//   blk.log         what it says; emptied at each start and when it grows over a bound
//
// A successor is there before its predecessor goes, which is killed: QEMU repeats what was under
// way on a new connection, while a server that ends by itself answers it with an error.
#pragma once

#include "karat/mutex.hpp"
#include "karat/process.hpp"
#include "karat/thread.hpp"
#include "karat/volumes.hpp"

#include <atomic>
#include <functional>

namespace karat::volumes {

/// Thread-safe. The process belongs to the run directory, not to this object.
class Exporter {
public:
    Exporter(Env env, Options options);
    ~Exporter();

    std::string const& socket() const { return socket_; }
    /// As Volumes::serve(), exchange_server() and stop_serving().
    Result<void> serve();
    Result<void> exchange();
    Result<void> stop();

private:
    /// What is known of the server; nothing when there is none.
    struct Found {
        std::optional<Process> process; ///< Of ours.
        bool listens = false;
        bool greets = false;
    };
    Found look();
    std::optional<Process> ours(int pid);
    std::vector<std::string> arguments() const;
    bool is_current(Process const& process);
    Result<void> settle(Found const& found) REQUIRES(mutex_);
    Result<void> replace(Found const& old) REQUIRES(mutex_);
    Result<void> take_over(Found const& old, Process const& child);
    Result<void> link_old_name();
    confine::Cage cage() const;
    Result<Process> spawn();
    Result<void> wait_until(Process const& child, std::function<bool()> const& is_so);
    void hold(Process process) REQUIRES(mutex_);
    Result<void> look_after() REQUIRES(mutex_);
    void keep();
    void wait_for_end();
    void end_keeper();
    Result<void> trim_log();
    std::string last_words();

    Env env_;
    Options options_;
    std::string folder_;
    std::string grants_;
    std::string old_socket_;
    std::string socket_;
    std::string next_socket_;
    std::string pid_file_;
    std::string log_file_;
    std::atomic<bool> ending_ = false;
    Fd wake_; ///< An eventfd, readable once ending_ is set.
    Mutex mutex_;
    std::optional<Process> server_ GUARDED_BY(mutex_);
    int silent_ GUARDED_BY(mutex_) = 0; ///< How often in a row it did not greet.
    Mutex keeper_mutex_;
    Thread keeper_ GUARDED_BY(keeper_mutex_);
};

} // namespace karat::volumes
