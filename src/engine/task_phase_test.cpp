// SPDX-License-Identifier: Apache-2.0
#include "task_phase.hpp"

#include <gtest/gtest.h>

namespace karat::engine {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

Time const kNow = Time(std::chrono::hours(24 * 365 * 50));

Task queued(Time not_before, int failures = 0)
{
    Task task;
    task.id = 7;
    task.kind = "terminate";
    task.subject = "i-0123456789abcdef0";
    task.not_before = not_before;
    task.failures = failures;
    task.outcome = failures > 0 ? "Cannot write packs/1: No space left on device" : "";
    return task;
}

Task running(Time lease_until)
{
    auto task = queued(kNow);
    task.state = TaskState::running;
    task.lease_until = lease_until;
    return task;
}

AtWork::One at_work_since(Task const& task, Time moved)
{
    return {.task = task, .since = kNow - minutes(60), .renewed = kNow, .moved = moved};
}

TEST(TaskPhase, TimersWaitAndDoNotCountAsWork)
{
    auto const timer = describe(queued(kNow + minutes(60)), nullptr, kNow);
    EXPECT_EQ(word(timer.phase), "waiting");
    EXPECT_EQ(timer.next_try, kNow + minutes(60));
    EXPECT_EQ(word(describe(queued(kNow), nullptr, kNow).phase), "ready");
    // A poll of something that goes on.
    EXPECT_EQ(word(describe(queued(kNow + seconds(1)), nullptr, kNow).phase), "ready");
}

TEST(TaskPhase, FailsAgainAndAgain)
{
    EXPECT_EQ(word(describe(queued(kNow + seconds(30), 5), nullptr, kNow).phase), "retrying");
    auto const stuck = describe(queued(kNow + seconds(30), 6), nullptr, kNow);
    EXPECT_EQ(word(stuck.phase), "stuck");
    EXPECT_EQ(stuck.advice, "failed 6 times: make room (docs/operating.md, \"The disk is full\")");
    EXPECT_EQ(stuck.next_try, kNow + seconds(30));
}

TEST(TaskPhase, WorkWithoutProgressIsStuck)
{
    auto const task = running(kNow + seconds(60));
    auto const moves = at_work_since(task, kNow - minutes(14));
    EXPECT_EQ(word(describe(task, &moves, kNow).phase), "running");
    auto const hangs = at_work_since(task, kNow - minutes(20));
    auto const facts = describe(task, &hangs, kNow);
    EXPECT_EQ(word(facts.phase), "stuck");
    EXPECT_TRUE(facts.advice.starts_with("no progress for 20 minutes:")) << facts.advice;
}

TEST(TaskPhase, LostWorkersAreTold)
{
    EXPECT_EQ(word(describe(running(kNow + seconds(9)), nullptr, kNow).phase), "running");
    EXPECT_EQ(word(describe(running(kNow - seconds(9)), nullptr, kNow).phase), "ready");
    auto const lost = describe(running(kNow - minutes(5)), nullptr, kNow);
    EXPECT_EQ(word(lost.phase), "stuck");
    EXPECT_TRUE(lost.advice.starts_with("its worker was lost 5 minutes ago")) << lost.advice;
}

TEST(TaskPhase, WordsAreReadBack)
{
    for (auto const* const text : {"running", "ready", "waiting", "retrying", "stuck", "failed"}) {
        auto const phase = parse_phase(text);
        ASSERT_TRUE(phase.has_value()) << text;
        EXPECT_EQ(word(*phase), text);
    }
    EXPECT_FALSE(parse_phase("open").has_value());
}

} // namespace
} // namespace karat::engine
