// SPDX-License-Identifier: Apache-2.0
// A few threads and a bounded queue. When the queue is full, or there are no threads, whoever
// submits does the work itself: nothing waits while a processor is free.
#pragma once

#include "karat/thread.hpp"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace karat::blocks {

/// Something to do once. Never fails: what goes wrong is told to whoever waits for it.
class Work {
public:
    virtual ~Work() = default;
    virtual void run() = 0;
};

/// Thread-safe. The destructor finishes what was submitted.
class Workers {
public:
    explicit Workers(int threads);
    ~Workers();
    Workers(Workers const&) = delete;
    Workers& operator=(Workers const&) = delete;
    void submit(std::unique_ptr<Work> job);

private:
    void work();

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::unique_ptr<Work>> queue_;
    bool ending_ = false;
    std::vector<Thread> threads_;
};

} // namespace karat::blocks
