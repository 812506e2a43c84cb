// SPDX-License-Identifier: Apache-2.0
// Whose turn it is: which task a worker is given when several claim the same.
#include "fixture.hpp"

namespace karat::catalog {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kLease{1000};

struct Claims : Fixture {
    struct Wanted {
        std::vector<std::string> on;
        Lane lane = Lane::machines;
        milliseconds delay{0};
    };
    std::int64_t enqueue(std::string const& kind, Wanted const& wanted)
    {
        Task task;
        task.kind = kind;
        task.on = wanted.on;
        task.lane = wanted.lane;
        task.not_before = world.clock.now() + wanted.delay;
        return catalog->change(kActor, [&](Change& change) { return change.enqueue(task); })
            .value();
    }
    std::optional<Task> take(std::optional<Lane> lane = {}, std::string const& host = "h1")
    {
        return catalog->take_task(host, kLease, lane).value();
    }
    std::string taken(std::optional<Lane> lane = {})
    {
        auto const task = take(lane);
        return task ? task->kind : "(nothing)";
    }
    void end(Task task)
    {
        task.state = TaskState::done;
        ASSERT_TRUE(save(task).ok());
    }
    void put_back(Task task, milliseconds delay)
    {
        task.state = TaskState::queued;
        task.not_before = world.clock.now() + delay;
        ASSERT_TRUE(save(task).ok());
    }
};

TEST_F(Claims, TasksThatShareAResourceRunOneAfterTheOther)
{
    enqueue("stop i", {.on = {"i"}});
    enqueue("attach v to i", {.on = {"i", "v"}});
    enqueue("delete v", {.on = {"v"}});
    enqueue("stop j", {.on = {"j"}});
    auto const stop = take().value();
    EXPECT_EQ(stop.kind, "stop i");
    EXPECT_EQ(taken(), "stop j");
    EXPECT_EQ(taken(), "(nothing)");
    end(stop);
    auto const attach = take().value();
    EXPECT_EQ(attach.kind, "attach v to i");
    EXPECT_EQ(taken(), "(nothing)");
    end(attach);
    EXPECT_EQ(taken(), "delete v");
}

TEST_F(Claims, ARetryKeepsItsPlaceAndATimerHoldsNobodyUp)
{
    enqueue("timer", {.on = {"i"}, .delay = milliseconds(300)});
    enqueue("stop", {.on = {"i"}});
    enqueue("start", {.on = {"i"}});
    auto const stop = take().value();
    EXPECT_EQ(stop.kind, "stop");
    put_back(stop, milliseconds(200));
    EXPECT_EQ(taken(), "(nothing)") << "start must wait for the stop, which has begun";
    EXPECT_EQ(catalog->next_task_due().value(), world.clock.now() + milliseconds(200));
    world.clock.advance(milliseconds(200));
    auto const again = take().value();
    EXPECT_EQ(again.kind, "stop");
    world.clock.advance(milliseconds(100)); // the timer is older, and must wait for what runs
    EXPECT_EQ(taken(), "(nothing)");
    end(again);
    EXPECT_EQ(taken(), "timer");
}

TEST_F(Claims, WhatRunsAndLostItsWorkerIsTakenAgainBeforeAnOlderTimer)
{
    enqueue("timer", {.on = {"i"}, .delay = milliseconds(500)});
    enqueue("stop", {.on = {"i"}});
    EXPECT_EQ(taken(), "stop");
    world.clock.advance(kLease);
    EXPECT_EQ(taken(), "stop");
    EXPECT_EQ(taken(), "(nothing)");
}

TEST_F(Claims, ALaneNeverWaitsForAnotherOne)
{
    for (auto const* const image : {"a", "b", "c", "d"})
        enqueue("import", {.on = {image}, .lane = Lane::bulk});
    enqueue("launch", {.on = {"i"}});
    EXPECT_EQ(taken(Lane::machines), "launch");
    EXPECT_EQ(taken(Lane::machines), "(nothing)");
    EXPECT_EQ(catalog->next_task_due(Lane::machines).value(), world.clock.now() + kLease);
    EXPECT_EQ(catalog->next_task_due(Lane::bulk).value(), world.clock.now());
    EXPECT_EQ(taken(Lane::bulk), "import");
    EXPECT_EQ(taken(), "import");
}

TEST_F(Claims, TheEndOfATaskWakesWhoeverWaitedForIt)
{
    int woken = 0;
    enqueue("first", {.on = {"i"}});
    enqueue("second", {.on = {"i"}});
    enqueue("third", {.on = {"j"}});
    auto const first = take().value();
    auto const third = take().value();
    catalog->on_task([&] { ++woken; });
    end(third);
    EXPECT_EQ(woken, 0);
    end(first);
    EXPECT_EQ(woken, 1);
}

TEST_F(Claims, AreFoundByTheirResource)
{
    auto const snapshot = SnapshotId::parse("snap-0000000a").value();
    Task task{.kind = "copy", .on = {"i", "v"}, .keeps = {snapshot.text()}};
    ASSERT_TRUE(catalog->change(kActor, [&](Change& change) { return change.enqueue(task); }).ok());
    reopen();
    EXPECT_EQ(ask(&View::tasks_on, std::string("v")).size(), 1u);
    EXPECT_EQ(ask(&View::tasks_on, std::string("w")).size(), 0u);
    EXPECT_TRUE(ask(&View::is_kept, snapshot));
    end(take().value());
    EXPECT_EQ(ask(&View::tasks_on, std::string("v")).size(), 0u);
    EXPECT_FALSE(ask(&View::is_kept, snapshot));
}

TEST_F(Claims, LeasesAreRenewedTogetherAndLostOnesNamed)
{
    enqueue("mine", {});
    enqueue("lost", {});
    auto const mine = take().value();
    auto const lost = take().value();
    world.clock.advance(kLease);
    ASSERT_TRUE(catalog->renew_task(mine, kLease).ok());
    ASSERT_EQ(take({}, "h2")->id, lost.id);
    world.clock.advance(milliseconds(500));
    EXPECT_EQ(catalog->renew_tasks({mine, lost}, kLease).value(), std::vector{lost.id});
    EXPECT_EQ(ask(&View::task, mine.id)->lease_until, world.clock.now() + kLease);
    EXPECT_NE(ask(&View::task, lost.id)->lease_until, world.clock.now() + kLease);
}

TEST_F(Claims, TasksCarryTheRequestThatCausedThem)
{
    Actor const caller{"111111111111", "RunInstances", "req-7"};
    auto const id =
        catalog->change(caller, [](Change& change) { return change.enqueue({.kind = "launch"}); })
            .value();
    EXPECT_EQ(ask(&View::task, id)->request, "req-7");
}

} // namespace
} // namespace karat::catalog
