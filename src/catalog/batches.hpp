// SPDX-License-Identifier: Apache-2.0
// Group commit. A change works on the state in memory and leaves its statements in the open batch;
// one of those that wait writes the whole batch in one transaction, with one sync, while the next
// batch fills. Readers see a batch when it is durable, never before.
//
// Where others commit to the same database, the work of a batch may have been done on a state that
// is no longer the last one. It is then done again, on theirs, before anything is written.
#pragma once

#include "journal.hpp"

#include "karat/mutex.hpp"

#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <thread>

namespace karat::catalog {

class Batches {
public:
    using Work = std::function<Result<void>(Edits&)>;

    Batches(Clock& clock, State loaded, Journal& journal, std::chrono::milliseconds patience);

    /// What is durable.
    std::shared_ptr<State const> published() const;

    /// Runs `work`, which may not call this again, and returns when what it did and what it saw is
    /// durable. Returns whether a task became due. Fault::unavailable, without running it, when the
    /// disk has kept a batch for longer than the patience. `work` may run again, on any thread that
    /// is in here, and what it did last counts.
    Result<bool> change(Work const& work);

    /// Takes in what others committed. False when it must be read again: a batch is being written,
    /// which takes it in by itself, or the published version is another one now.
    bool take_in(News const& news);

    /// Runs `work` while nobody changes anything, and goes on with the state that it returns.
    Result<void> replace(std::function<Result<State>()> const& work);

private:
    /// A caller of change(), who waits for its batch.
    struct Waiting {
        Work const& work;
        std::optional<Error> failure{}; ///< Of the work, when it was done again.
        std::exception_ptr thrown{};
    };
    struct Batch {
        std::vector<Waiting*> waiting;
        Written written;
        bool has_work = false;
        bool is_done = false;
        std::shared_ptr<Error const> failure;
    };
    using BatchRef = std::shared_ptr<Batch>;

    Result<BatchRef> add(Waiting& waiting);
    Result<bool> wait_for(BatchRef const& batch, Waiting const& waiting);
    void write_open_batch(Lock& lock) REQUIRES(mutex_);
    std::shared_ptr<Error const> write(Batch& batch, State& state) noexcept;
    Result<void> commit(Batch& batch, State& state);
    void rebase(News const& news, Batch* writing, State* written) REQUIRES(mutex_);
    void redo(Batch& batch, State& state) REQUIRES(mutex_);
    void fail_open_batch(std::shared_ptr<Error const> failure, BatchRef next) REQUIRES(mutex_);
    void publish(std::shared_ptr<State const> state);

    Clock& clock_;
    Journal& journal_;
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
