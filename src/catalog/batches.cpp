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

Batches::Batches(Clock& clock, State loaded, Journal& journal, std::chrono::milliseconds patience)
    : clock_(clock)
    , journal_(journal)
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

Result<bool> Batches::change(Work const& work)
{
    Waiting waiting{work};
    auto const batch = TRY(add(waiting));
    return wait_for(batch, waiting);
}

/// Runs the work and leaves what it did in the open batch, which it returns. Of a change that
/// wrote nothing, that is the batch with what it may have seen.
Result<Batches::BatchRef> Batches::add(Waiting& waiting)
{
    bool const reentered = changing_ == std::this_thread::get_id();
    VERIFY(!reentered);
    Lock const lock(mutex_);
    if (is_writing_ && clock_.steady() > stuck_at_)
        return fail(Fault::unavailable, "The catalog is busy: try again");
    Changing const changing(changing_);
    Edits edits{.next = pending_, .edit = Edit{++edits_}};
    TRY(waiting.work(edits));
    open_->waiting.reserve(open_->waiting.size() + 1);
    open_->written.append(std::move(edits.written));
    open_->waiting.push_back(&waiting);
    open_->has_work = open_->has_work || edits.has_work;
    pending_ = std::move(edits.next);
    return open_;
}

Result<bool> Batches::wait_for(BatchRef const& batch, Waiting const& waiting)
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
    if (waiting.thrown)
        std::rethrow_exception(waiting.thrown);
    if (waiting.failure)
        return *waiting.failure;
    return batch->has_work;
}

/// What may throw comes first: once statements are written, memory must follow.
void Batches::write_open_batch(Lock& lock)
{
    auto written = std::make_shared<State>(pending_);
    auto next = std::make_shared<Batch>();
    auto spare = std::make_shared<Batch>();
    auto const batch = std::exchange(open_, std::move(next));
    is_writing_ = true;
    stuck_at_ = clock_.steady() + patience_;
    lock.unlock();
    batch->failure = write(*batch, *written);
    lock.lock();
    is_writing_ = false;
    batch->is_done = true;
    if (!batch->failure)
        publish(std::move(written));
    else // what was done since stands on what failed, so it fails, too
        fail_open_batch(batch->failure, std::move(spare));
    written_.notify_all();
}

void Batches::fail_open_batch(std::shared_ptr<Error const> failure, BatchRef next)
{
    open_->failure = std::move(failure);
    open_->is_done = true;
    open_ = std::move(next);
    pending_ = *published();
}

/// Null when all went well. `state` is what the batch leads to.
std::shared_ptr<Error const> Batches::write(Batch& batch, State& state) noexcept
{
    try {
        auto outcome = commit(batch, state);
        return outcome.ok() ? nullptr : std::make_shared<Error const>(outcome.take_error());
    } catch (std::exception const&) {
        return no_memory_;
    }
}

/// Nobody else publishes while a batch is being written.
Result<void> Batches::commit(Batch& batch, State& state)
{
    state.version = published()->version;
    if (batch.written.statements.empty())
        return {};
    struct Ending { // also when memory is wanting
        Journal& journal;
        ~Ending() { journal.give_up(); }
    } const in_any_case{journal_};
    auto const news = TRY(journal_.begin(state.version));
    if (!news.is_empty()) {
        Lock const lock(mutex_);
        rebase(news, &batch, &state);
    }
    if (batch.written.statements.empty())
        return {};
    state.version = TRY(journal_.commit(std::move(batch.written)));
    return {};
}

bool Batches::take_in(News const& news)
{
    Lock const lock(mutex_);
    if (is_writing_ || published()->version != news.since)
        return false;
    auto next = std::make_shared<Batch>();
    try {
        rebase(news, nullptr, nullptr);
    } catch (std::exception const&) { // no memory, amid the work: nothing of it can stay
        fail_open_batch(no_memory_, std::move(next));
        written_.notify_all();
        throw;
    }
    return true;
}

/// Publishes what others committed and does again, on top of it, what is not durable: first the
/// batch that is being written, whose state goes into `written`.
void Batches::rebase(News const& news, Batch* writing, State* written)
{
    auto const fresh = std::make_shared<State const>(news.on(*published(), Edit{++edits_}));
    State next = *fresh;
    if (writing != nullptr) {
        redo(*writing, next);
        *written = next;
    }
    redo(*open_, next);
    pending_ = std::move(next);
    publish(fresh);
}

void Batches::redo(Batch& batch, State& state)
{
    Changing const changing(changing_);
    Written all;
    bool has_work = false;
    for (auto* const waiting : batch.waiting) {
        waiting->failure.reset();
        waiting->thrown = nullptr;
        Edits edits{.next = state, .edit = Edit{++edits_}};
        try {
            auto outcome = waiting->work(edits);
            if (!outcome.ok()) {
                waiting->failure = outcome.take_error();
                continue;
            }
        } catch (std::exception const&) { // for its caller to see
            waiting->thrown = std::current_exception();
            continue;
        }
        all.append(std::move(edits.written));
        has_work = has_work || edits.has_work;
        state = std::move(edits.next);
    }
    batch.written = std::move(all);
    batch.has_work = has_work;
}

Result<void> Batches::replace(std::function<Result<State>()> const& work)
{
    Lock lock(mutex_);
    auto const is_idle = [this]() REQUIRES(mutex_) {
        return !is_writing_ && open_->written.statements.empty();
    };
    written_.wait(lock, is_idle);
    pending_ = TRY(work());
    publish(std::make_shared<State const>(pending_));
    return {};
}

} // namespace karat::catalog
