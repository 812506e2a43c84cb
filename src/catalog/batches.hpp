// SPDX-License-Identifier: Apache-2.0
// Group commit. A change works on the state in memory and leaves its statements in the open batch;
// one of those that wait writes the whole batch in one transaction, with one sync, while the next
// batch fills. Readers see a batch when it is durable, never before.
#pragma once

#include "edits.hpp"

#include "karat/mutex.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <thread>

namespace karat::catalog {

class Batches {
public:
    /// Makes a batch's statements durable, or none of them. Called by one thread at a time.
    using Write = std::function<Result<void>(std::vector<Statement> const&)>;

    Batches(Clock& clock, State loaded, Write write, std::chrono::milliseconds patience);

    /// What is durable.
    std::shared_ptr<State const> published() const;

    /// Runs `work`, which may not call this again, and returns when what it did and what it saw is
    /// durable. Returns whether a task became due. Fault::unavailable, without running it, when the
    /// disk has kept a batch for longer than the patience.
    Result<bool> change(std::function<Result<void>(Edits&)> const& work);

    /// Runs `work` while nobody changes anything, and goes on with the state that it returns.
    Result<void> replace(std::function<Result<State>()> const& work);

private:
    struct Batch {
        std::vector<Statement> statements;
        bool has_work = false;
        bool is_done = false;
        std::shared_ptr<Error const> failure;
    };
    using BatchRef = std::shared_ptr<Batch>;

    Result<BatchRef> add(std::function<Result<void>(Edits&)> const& work);
    Result<bool> wait_for(BatchRef const& batch);
    void write_open_batch(Lock& lock) REQUIRES(mutex_);
    std::shared_ptr<Error const> write(Batch const& batch) const noexcept;
    void publish(std::shared_ptr<State const> state);

    Clock& clock_;
    Write const write_;
    std::chrono::milliseconds const patience_;
    std::shared_ptr<Error const> const no_memory_;
    Mutex mutable mutex_;
    std::condition_variable_any written_;
    State pending_ GUARDED_BY(mutex_); ///< What the open batch and the one being written lead to.
    BatchRef open_ GUARDED_BY(mutex_);
    bool is_writing_ GUARDED_BY(mutex_) = false;
    std::chrono::nanoseconds stuck_at_ GUARDED_BY(mutex_){}; ///< Steady time when what is written
                                                             ///< takes too long.
    std::uint64_t edits_ GUARDED_BY(mutex_) = 1;
    Mutex mutable published_mutex_; ///< Taken after mutex_, held for a copy of the pointer only.
    std::shared_ptr<State const> published_ GUARDED_BY(published_mutex_);
    std::atomic<std::thread::id> changing_; ///< Whose work runs: it would wait for itself.
};

} // namespace karat::catalog
