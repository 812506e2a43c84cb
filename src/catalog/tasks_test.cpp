// SPDX-License-Identifier: Apache-2.0
#include "fixture.hpp"

namespace karat::catalog {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kLease{1000};

struct Tasks : OverBoth {
    std::int64_t enqueue(std::string const& kind, milliseconds delay = milliseconds(0))
    {
        Task task;
        task.kind = kind;
        if (delay.count() > 0)
            task.not_before = world.clock.now() + delay;
        return catalog->change(kActor, [&](Change& change) { return change.enqueue(task); })
            .value();
    }
    std::optional<Task> take(std::string const& host = "h1")
    {
        return catalog->take_task(host, kLease).value();
    }
    std::string taken_kind()
    {
        auto const task = take();
        return task ? task->kind : "(nothing)";
    }
};

TEST_P(Tasks, KeepEveryMemberAndGiveIdAndState)
{
    auto task = sample<Task>();
    task.id = 99;
    task.state = TaskState::done;
    auto const id =
        catalog->change(kActor, [&](Change& change) { return change.enqueue(task); }).value();
    EXPECT_EQ(id, 1);
    task.id = id;
    task.state = TaskState::queued;
    task.lease_host.clear();
    task.lease_until = {};
    reopen();
    EXPECT_EQ(text(ask(&View::task, id)), text(task));
    EXPECT_EQ(ask(&View::open_tasks).size(), 1u);
}

TEST_P(Tasks, AreTakenOldestDueFirst)
{
    EXPECT_EQ(taken_kind(), "(nothing)");
    enqueue("late", milliseconds(500));
    enqueue("first");
    enqueue("second");
    world.clock.advance(milliseconds(600));
    enqueue("new"); // must not pass by what has waited longer
    for (auto const* const kind : {"first", "second", "late", "new", "(nothing)"})
        EXPECT_EQ(taken_kind(), kind);
}

TEST_P(Tasks, WaitForTheirTime)
{
    EXPECT_FALSE(catalog->next_task_due().value().has_value());
    enqueue("later", milliseconds(500));
    EXPECT_EQ(catalog->next_task_due().value(), world.clock.now() + milliseconds(500));
    EXPECT_EQ(taken_kind(), "(nothing)");
    world.clock.advance(milliseconds(500));
    EXPECT_EQ(taken_kind(), "later");
    EXPECT_EQ(catalog->next_task_due().value(), world.clock.now() + kLease);
}

TEST_P(Tasks, AreTakenAgainWhenTheLeaseEnds)
{
    enqueue("work");
    auto const first = take("h1").value();
    EXPECT_EQ(first.attempts, 1);
    EXPECT_EQ(first.state, TaskState::running);
    EXPECT_EQ(first.lease_host, "h1");
    EXPECT_EQ(first.lease_until, world.clock.now() + kLease);
    world.clock.advance(kLease - milliseconds(1));
    EXPECT_FALSE(take("h2").has_value());
    world.clock.advance(milliseconds(1));
    auto const second = take("h1").value();
    EXPECT_EQ(second.attempts, 2);
    // The first worker wakes up: same host, and yet it has lost the task.
    EXPECT_EQ(catalog->renew_task(first, kLease).error().fault, Fault::wrong_state);
    EXPECT_EQ(save(first).error().fault, Fault::wrong_state);
    EXPECT_TRUE(catalog->renew_task(second, kLease).ok());
}

TEST_P(Tasks, RenewingExtendsAndNotesProgress)
{
    enqueue("work");
    auto task = take().value();
    world.clock.advance(milliseconds(900));
    task.progress_percent = 40;
    task.payload = "not yet";
    ASSERT_TRUE(catalog->renew_task(task, kLease).ok());
    auto const stored = ask(&View::task, task.id).value();
    EXPECT_EQ(stored.lease_until, world.clock.now() + kLease);
    EXPECT_EQ(stored.progress_percent, 40);
    EXPECT_EQ(stored.payload, "");
    // Saving with the worker's older copy takes nothing of the lease away.
    ASSERT_TRUE(save(task).ok());
    EXPECT_EQ(ask(&View::task, task.id)->lease_until, world.clock.now() + kLease);
    EXPECT_EQ(ask(&View::task, task.id)->payload, "not yet");
}

TEST_P(Tasks, FinishedOnesAreNotTakenAndStayFinished)
{
    enqueue("work");
    auto task = take().value();
    task.state = TaskState::done;
    ASSERT_TRUE(save(task).ok());
    world.clock.advance(std::chrono::hours(1));
    EXPECT_EQ(taken_kind(), "(nothing)");
    EXPECT_TRUE(ask(&View::open_tasks).empty());
    EXPECT_EQ(ask(&View::task, task.id)->lease_host, "");
    EXPECT_FALSE(catalog->next_task_due().value().has_value());
    task.state = TaskState::queued;
    EXPECT_EQ(save(task).error().fault, Fault::wrong_state);
    EXPECT_EQ(catalog->renew_task(task, kLease).error().fault, Fault::wrong_state);
    task.id = 77;
    EXPECT_EQ(save(task).error().fault, Fault::not_found);
}

TEST_P(Tasks, ARetryWaitsAndKeepsItsCount)
{
    enqueue("work");
    auto task = take().value();
    task.state = TaskState::queued;
    task.not_before = world.clock.now() + milliseconds(300);
    task.outcome = "the host was busy";
    ASSERT_TRUE(save(task).ok());
    EXPECT_EQ(taken_kind(), "(nothing)");
    world.clock.advance(milliseconds(300));
    EXPECT_EQ(take()->attempts, 2);
}

TEST_P(Tasks, ALostLeaseLosesTheWholeChange)
{
    enqueue("work");
    auto task = take().value();
    world.clock.advance(kLease);
    take("h2");
    task.state = TaskState::done;
    EXPECT_EQ(save(sample<Image>(), task).error().fault, Fault::wrong_state);
    EXPECT_EQ(text(ask(&View::image, sample<Image>().id)), "(nothing)");
}

TEST_P(Tasks, ARestartedHostGetsItsOwnBackAtOnce)
{
    enqueue("mine");
    enqueue("theirs");
    take("h1");
    take("h2");
    reopen();
    EXPECT_EQ(taken_kind(), "(nothing)");
    ASSERT_TRUE(catalog->release_tasks("h1").ok());
    auto const again = take("h1").value();
    EXPECT_EQ(again.kind, "mine");
    EXPECT_EQ(again.attempts, 2);
    EXPECT_EQ(taken_kind(), "(nothing)");
}

TEST_P(Tasks, WakeTheWorkerAfterTheCommitAndOutsideTheLock)
{
    int woken = 0;
    catalog->on_task([&] {
        ++woken;
        EXPECT_FALSE(ask(&View::open_tasks).empty()); // visible already, and no deadlock
    });
    enqueue("work");
    EXPECT_EQ(woken, 1);
    auto task = take().value();
    ASSERT_TRUE(catalog->renew_task(task, kLease).ok());
    ASSERT_TRUE(save(sample<Image>()).ok());
    EXPECT_EQ(woken, 1);
    task.state = TaskState::queued;
    ASSERT_TRUE(save(task).ok());
    EXPECT_EQ(woken, 2);
    take("h1");
    ASSERT_TRUE(catalog->release_tasks("h1").ok());
    EXPECT_EQ(woken, 3);
    ASSERT_TRUE(catalog->release_tasks("h1").ok()); // nothing to release
    EXPECT_EQ(woken, 3);
}

OVER_BOTH(Tasks);

} // namespace
} // namespace karat::catalog
