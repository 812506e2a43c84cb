// SPDX-License-Identifier: Apache-2.0
// What an operator sees of a whole Karat: what runs, what waits for its time, what is stuck.
#include "world.hpp"

#include "karat/log.hpp"

#include <gtest/gtest.h>
#include <set>

namespace karat::testing {
namespace {

using engine::TaskPhase;

class Overview : public ::testing::Test {
protected:
    void SetUp() override
    {
        set_log_level(static_cast<Level>(4));
        world = World::create(5).value();
        image = world->import(demo(), "disk", 1 << 20, {}).value().image;
        ASSERT_TRUE(world->work().ok());
    }
    void TearDown() override { set_log_level(Level::info); }

    InstanceId launch(engine::Caller const& caller)
    {
        auto const made = engine().run_instances(caller, {.image = image->text()});
        return made.value().front().id;
    }
    engine::Caller demo() { return world->caller("demo", "us-east-1").value(); }
    engine::Engine& engine() { return world->engine(); }
    engine::Status status() { return engine().status().value(); }
    std::vector<engine::TaskFacts> tasks(engine::TaskQuery const& query)
    {
        return engine().tasks(query).value().tasks;
    }

    std::unique_ptr<World> world;
    std::optional<ImageId> image;
};

TEST_F(Overview, TimersAreNoWork)
{
    auto const instance = launch(demo());
    EXPECT_EQ(status().tasks.ready, 1U);
    ASSERT_TRUE(world->work().ok());
    ASSERT_TRUE(engine().start_snapshot(demo(), {.size_gib = 1}).ok());
    ASSERT_TRUE(engine().terminate_instances(demo(), {instance}, {}, false).ok());
    ASSERT_TRUE(world->work().ok());
    auto const seen = status();
    EXPECT_EQ(seen.tasks.running + seen.tasks.ready + seen.tasks.retrying + seen.tasks.stuck, 0U);
    EXPECT_GE(seen.tasks.waiting, 2U); // the snapshot's time-out, the instance's disappearance
    EXPECT_TRUE(seen.problems.empty());
    for (auto const& facts : tasks({.phase = TaskPhase::waiting}))
        EXPECT_TRUE(facts.next_try.has_value()) << facts.task.kind;
}

TEST_F(Overview, WhatFailsAgainAndAgainIsNamedWithItsError)
{
    auto const instance = launch(demo());
    ASSERT_TRUE(world->work().ok());
    ASSERT_TRUE(engine().terminate_instances(demo(), {instance}, {}, false).ok());
    for (int i = 0; i < 8; ++i) {
        world->hypervisor().fail_next("kill");
        world->env().clock.advance(std::chrono::seconds(40));
        ASSERT_TRUE(engine().work_once().ok());
        EXPECT_EQ(status().tasks.retrying, i < 5 ? 1U : 0U) << i;
    }
    auto const seen = status();
    EXPECT_EQ(seen.tasks.stuck, 1U);
    ASSERT_EQ(seen.problems.size(), 1U);
    EXPECT_NE(seen.problems[0].find("terminate " + instance.text()), std::string::npos)
        << seen.problems[0];
    EXPECT_NE(seen.problems[0].find("Its last error: "), std::string::npos) << seen.problems[0];
    EXPECT_FALSE(tasks({.phase = TaskPhase::stuck}).at(0).task.outcome.empty());
    ASSERT_TRUE(world->work().ok()); // the fault is over
    EXPECT_TRUE(status().problems.empty());
}

TEST_F(Overview, WhatWasGivenUpIsListedWhenAskedFor)
{
    world->hypervisor().fail_next("start", Fault::invalid);
    auto const instance = launch(demo());
    ASSERT_TRUE(world->work().ok());
    auto const failed = tasks({.phase = TaskPhase::failed});
    ASSERT_EQ(failed.size(), 1U);
    EXPECT_EQ(failed[0].task.subject, instance.text());
    EXPECT_FALSE(failed[0].task.outcome.empty());
    for (auto const& facts : tasks({}))
        EXPECT_NE(facts.phase, TaskPhase::failed);
}

TEST_F(Overview, ListsComeInPages)
{
    ASSERT_TRUE(world->catalog()
                    .change({"test", "Enqueue"},
                            [](catalog::Change& change) -> Result<void> {
                                Task task{.kind = "reap", .subject = "i-x", .payload = "{}"};
                                task.not_before = Time(std::chrono::hours(24 * 365 * 100));
                                for (int i = 0; i < 1'100; ++i)
                                    TRY(change.enqueue(task));
                                return {};
                            })
                    .ok());
    auto const first = engine().tasks({.limit = 1'000'000, .kind = "reap"}).value();
    EXPECT_EQ(first.tasks.size(), engine::kMostOnAPage);
    EXPECT_TRUE(first.more);
    auto const rest = engine().tasks({.after = first.tasks.back().task.id, .kind = "reap"}).value();
    EXPECT_EQ(rest.tasks.size(), 100U);
    EXPECT_FALSE(rest.more);
    EXPECT_EQ(rest.tasks.front().task.id, first.tasks.back().task.id + 1);
}

TEST_F(Overview, InstancesOfAllAccountsAndRegions)
{
    engine::Engine::ImageChange const shared{.permissions = {.everyone = true}};
    ASSERT_TRUE(engine().change_image(demo(), *image, shared, false).ok());
    std::set<InstanceId> all;
    for (auto const* const account : {"demo", "acme"})
        for (int i = 0; i < 3; ++i)
            all.insert(launch(world->caller(account, "us-east-1").value()));
    std::set<InstanceId> seen;
    engine::InstanceQuery query{.limit = 4};
    for (bool more = true; more;) {
        auto const page = engine().every_instance(query).value();
        EXPECT_LE(page.instances.size(), 4U);
        for (auto const& one : page.instances)
            EXPECT_TRUE(seen.insert(one.instance.id).second);
        more = !page.next.empty();
        query.after = page.next;
    }
    EXPECT_EQ(seen, all);
    EXPECT_EQ(engine().every_instance({.account = "acme"}).value().instances.size(), 3U);
    EXPECT_EQ(engine().every_instance({.region = "eu-west-1"}).value().instances.size(), 0U);
    EXPECT_EQ(engine().every_instance({.state = InstanceState::running}).value().instances.size(),
              0U);
    EXPECT_EQ(engine().every_instance({.account = "nobody"}).error().fault, Fault::not_found);
}

/// A step that takes longer than a lease and reports nothing: another worker of the process looks
/// for work meanwhile.
TEST_F(Overview, LongStepsKeepTheirTask)
{
    bool looked = false;
    world->on_metadata = [&] {
        world->env().clock.advance(std::chrono::seconds(90));
        EXPECT_FALSE(engine().work_once().value()) << "the task was taken away";
        looked = true;
        EXPECT_EQ(status().tasks.running, 1U);
        world->env().clock.advance(std::chrono::minutes(20));
        EXPECT_EQ(status().tasks.stuck, 1U);
    };
    launch(demo());
    auto const worked = engine().work_once();
    ASSERT_TRUE(worked.ok()) << worked.error().message;
    EXPECT_TRUE(looked);
    EXPECT_EQ(status().tasks.stuck, 0U);
    EXPECT_TRUE(tasks({.kind = "launch"}).empty());
}

TEST_F(Overview, AFullDiskIsNamed)
{
    ASSERT_TRUE(world->fill_disk().ok());
    auto const seen = status();
    ASSERT_EQ(seen.problems.size(), 1U);
    EXPECT_TRUE(seen.problems[0].starts_with("New data is refused: 0 MiB are free"))
        << seen.problems[0];
    world->heal();
    EXPECT_TRUE(status().problems.empty());
}

} // namespace
} // namespace karat::testing
