// SPDX-License-Identifier: Apache-2.0
#include "batches.hpp"

namespace karat::catalog {
namespace {

/// Notes whose work runs, while it lives.
class Changing {
public:
    explicit Changing(std::atomic<std::thread::id>& who)
        : who_(who)
    {
        who_ = std::this_thread::get_id();
    }
    Changing(Changing const&) = delete;
    Changing& operator=(Changing const&) = delete;
    ~Changing() { who_ = std::thread::id(); }

private:
    std::atomic<std::thread::id>& who_;
};

} // namespace

Batches::Batches(Clock& clock, State loaded, Write write, std::chrono::milliseconds patience)
    : clock_(clock)
    , write_(std::move(write))
    , patience_(patience)
    , no_memory_(std::make_shared<Error const>(
          fail(Fault::unavailable, "The catalog has no memory for the change: try again")))
    , pending_(std::move(loaded))
    , open_(std::make_shared<Batch>())
    , published_(std::make_shared<State const>(pending_))
{
}

std::shared_ptr<State const> Batches::published() const
{
    Lock const lock(published_mutex_);
    return published_;
}

void Batches::publish(std::shared_ptr<State const> state)
{
    Lock const lock(published_mutex_);
    published_.swap(state); // the former goes after the lock
}

Result<bool> Batches::change(std::function<Result<void>(Edits&)> const& work)
{
    auto const batch = TRY(add(work));
    return wait_for(batch);
}

/// Runs the work and leaves what it did in the open batch, which it returns. Of a change that
/// wrote nothing, that is the batch with what it may have seen.
Result<Batches::BatchRef> Batches::add(std::function<Result<void>(Edits&)> const& work)
{
    bool const reentered = changing_ == std::this_thread::get_id();
    VERIFY(!reentered);
    Lock const lock(mutex_);
    if (is_writing_ && clock_.steady() > stuck_at_)
        return fail(Fault::unavailable, "The catalog is busy: try again");
    Changing const changing(changing_);
    Edits edits{.next = pending_, .edit = Edit{++edits_}};
    TRY(work(edits));
    pending_ = std::move(edits.next);
    for (auto& statement : edits.statements)
        open_->statements.push_back(std::move(statement));
    open_->has_work = open_->has_work || edits.has_work;
    return open_;
}

Result<bool> Batches::wait_for(BatchRef const& batch)
{
    Lock lock(mutex_);
    while (!batch->is_done) {
        if (is_writing_)
            written_.wait(lock);
        else
            write_open_batch(lock);
    }
    if (batch->failure)
        return *batch->failure;
    return batch->has_work;
}

/// What may throw comes first: once statements are written, memory must follow.
void Batches::write_open_batch(Lock& lock)
{
    auto written = std::make_shared<State const>(pending_);
    auto next = std::make_shared<Batch>();
    auto spare = std::make_shared<Batch>();
    auto const batch = std::exchange(open_, std::move(next));
    is_writing_ = true;
    stuck_at_ = clock_.steady() + patience_;
    lock.unlock();
    batch->failure = write(*batch);
    lock.lock();
    is_writing_ = false;
    batch->is_done = true;
    if (!batch->failure) {
        publish(std::move(written));
    } else { // what was done since stands on what failed, so it fails, too
        open_->failure = batch->failure;
        open_->is_done = true;
        open_ = std::move(spare);
        pending_ = *published();
    }
    written_.notify_all();
}

/// Null when all went well.
std::shared_ptr<Error const> Batches::write(Batch const& batch) const noexcept
{
    try {
        auto outcome = batch.statements.empty() ? Result<void>() : write_(batch.statements);
        return outcome.ok() ? nullptr : std::make_shared<Error const>(outcome.take_error());
    } catch (std::exception const&) {
        return no_memory_;
    }
}

Result<void> Batches::replace(std::function<Result<State>()> const& work)
{
    Lock lock(mutex_);
    auto const is_idle = [this]()
                             REQUIRES(mutex_) { return !is_writing_ && open_->statements.empty(); };
    written_.wait(lock, is_idle);
    pending_ = TRY(work());
    publish(std::make_shared<State const>(pending_));
    return {};
}

} // namespace karat::catalog
