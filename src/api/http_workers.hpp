// SPDX-License-Identifier: Apache-2.0
// Threads that run handlers: one lane for quick requests, one for those that may take long. A
// connection moves from the table to a lane's queue and back as a whole, by splicing lists, so
// that handing over cannot fail for want of memory.
#pragma once

#include "http_table.hpp"

#include "karat/mutex.hpp"
#include "karat/thread.hpp"

#include <condition_variable>
#include <functional>
#include <vector>

namespace karat::api {

class HttpWorkers {
public:
    /// `wake` is called on a worker's thread when take_done() has something new; must not throw.
    HttpWorkers(Clock& clock, HttpThreads threads, std::function<void()> wake);
    ~HttpWorkers() { stop(); }

    /// Takes all connections of `ready`, which hand_over() made; not after stop().
    void submit(ConnectionTable::List& ready);
    /// What was answered since; in the phase writing.
    ConnectionTable::List take_done();
    std::vector<std::string> running() const;
    /// Lets handlers end, those that are queued too, and joins.
    void stop();

private:
    struct Lane {
        ConnectionTable::List queued;
        std::condition_variable_any filled;
    };

    void work(Lane& lane);
    static void handle(Connection& connection);

    Clock& clock_;
    std::function<void()> const wake_;
    Mutex mutable mutex_;
    Lane quick_; // both touched with mutex_ held only
    Lane slow_;
    ConnectionTable::List running_ GUARDED_BY(mutex_);
    ConnectionTable::List done_ GUARDED_BY(mutex_);
    bool has_slow_ = false;
    bool ending_ GUARDED_BY(mutex_) = false;
    std::vector<Thread> threads_; // last: they use all of the above
};

} // namespace karat::api
