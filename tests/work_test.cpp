// SPDX-License-Identifier: Apache-2.0
// How long work goes on: what a lost lease undoes, what a living process keeps, what waits for
// what, and what it costs.
#include "world.hpp"

#include "karat/catalog_counts.hpp"
#include "karat/log.hpp"

#include <gtest/gtest.h>

namespace karat::testing {
namespace {

using std::chrono::seconds;

class Work : public ::testing::Test {
protected:
    void SetUp() override
    {
        set_log_level(static_cast<Level>(4));
        world = World::create(5).value();
        image = world->import(demo(), "disk", 1 << 20, {}).value().image;
        ASSERT_TRUE(world->work().ok());
    }
    void TearDown() override { set_log_level(Level::info); }

    engine::Caller demo() { return world->caller("demo", "us-east-1").value(); }
    engine::Engine& engine() { return world->engine(); }
    std::vector<InstanceId> launch(int count)
    {
        auto const made = engine().run_instances(
            demo(),
            {.min_count = count, .max_count = count, .image = image->text(), .type = "t3.nano"});
        std::vector<InstanceId> ids;
        for (auto const& instance : made.value())
            ids.push_back(instance.id);
        return ids;
    }
    InstanceState state_of(InstanceId const& id)
    {
        return engine().own_instance(demo(), id).value().state;
    }
    std::optional<Task> steal(seconds lease)
    {
        return world->catalog().take_task("another host", lease).value();
    }
    /// Works until the only open task is a capture that stores bytes.
    void work_until_stored()
    {
        for (int step = 0; step < 100; ++step) {
            for (auto const& task : world->open_tasks().value())
                if (task.kind == "capture" && task.lane == Lane::bulk)
                    return;
            if (!engine().work_once(Lane::machines).value())
                world->env().clock.advance(seconds(1));
        }
        FAIL() << "no capture came to its storing";
    }
    void work_machines()
    {
        for (int idle = 0; idle < 5;) {
            if (!engine().work_once(Lane::machines).value()) {
                ++idle;
                world->env().clock.advance(seconds(1));
            }
        }
    }
    std::uint64_t commits() { return catalog::counts_of(world->catalog()).value().commits; }

    std::unique_ptr<World> world;
    std::optional<ImageId> image;
};

TEST_F(Work, OfAWorkerThatLostItsLeaseIsNotCommitted)
{
    std::optional<Task> stolen;
    world->on_metadata = [&] {
        world->env().clock.advance(std::chrono::minutes(2));
        stolen = steal(seconds(600));
    };
    auto const id = launch(1).front();
    ASSERT_TRUE(engine().work_once().ok());
    ASSERT_TRUE(stolen.has_value());
    EXPECT_EQ(state_of(id), InstanceState::pending) << "committed after the lease was lost";
    EXPECT_FALSE(engine().work_once().value()) << "the task is another one's";
    world->env().clock.advance(seconds(601));
    ASSERT_TRUE(world->work().ok()); // that one died, too
    EXPECT_EQ(state_of(id), InstanceState::running);
}

TEST_F(Work, ThatTakesAnHourKeepsItsLeaseWhileTheProcessLives)
{
    world->on_metadata = [&] {
        for (int i = 0; i < 180; ++i) {
            world->env().clock.advance(seconds(20));
            engine().renew_leases();
            EXPECT_FALSE(steal(seconds(60)).has_value()) << "after " << i;
        }
    };
    auto const id = launch(1).front();
    auto const before = commits();
    ASSERT_TRUE(engine().work_once().ok());
    EXPECT_EQ(state_of(id), InstanceState::running);
    EXPECT_LE(commits() - before, 182u);
}

TEST_F(Work, OfGuestsThatStopCostsTheSameHoweverLongTheyTake)
{
    auto const ids = launch(100);
    ASSERT_TRUE(world->work().ok());
    std::uint64_t cost[2] = {};
    for (int round = 0; round < 2; ++round) {
        world->hypervisor().set_obedient(false);
        ASSERT_TRUE(engine().stop_instances(demo(), ids, {}, false).ok());
        auto const before = commits();
        for (int tenths = 0; tenths < (round == 0 ? 10 : 100); ++tenths) {
            while (engine().work_once().value()) {
            }
            world->env().clock.advance(std::chrono::milliseconds(100));
        }
        EXPECT_EQ(state_of(ids.back()), InstanceState::stopping);
        world->hypervisor().set_obedient(true);
        ASSERT_TRUE(world->work().ok());
        cost[round] = commits() - before;
        EXPECT_EQ(state_of(ids.back()), InstanceState::stopped);
        ASSERT_TRUE(engine().start_instances(demo(), ids, false).ok());
        ASSERT_TRUE(world->work().ok());
    }
    // The stop is taken and ended; that the machine ended is noted, taken and ended.
    EXPECT_EQ(cost[0], 5 * ids.size());
    EXPECT_EQ(cost[1], cost[0]);
}

TEST_F(Work, OnTheInstanceDoesNotWaitForTheBytesOfASnapshot)
{
    auto const id = launch(1).front();
    ASSERT_TRUE(world->work().ok());
    auto const made = engine().create_image(demo(), {.instance = id, .name = "copy"}).value();
    work_until_stored();
    ASSERT_TRUE(engine().stop_instances(demo(), {id}, {}, false).ok());
    work_machines();
    EXPECT_EQ(state_of(id), InstanceState::stopped);
    EXPECT_EQ(engine().own_image(demo(), made.id).value().state, ImageState::pending);
    ASSERT_TRUE(engine().start_instances(demo(), {id}, false).ok());
    ASSERT_TRUE(world->work().ok());
    EXPECT_EQ(state_of(id), InstanceState::running);
    EXPECT_EQ(engine().own_image(demo(), made.id).value().state, ImageState::available);
    EXPECT_EQ(world->damage().value(), std::vector<std::string>());
}

TEST_F(Work, OnAVolumeWaitsUntilItsSnapshotIsStored)
{
    auto const id = launch(1).front();
    ASSERT_TRUE(world->work().ok());
    auto const made = engine().create_image(demo(), {.instance = id, .name = "copy"}).value();
    work_until_stored();
    ASSERT_TRUE(engine().terminate_instances(demo(), {id}, {}, false).ok());
    work_machines();
    EXPECT_EQ(state_of(id), InstanceState::terminated);
    ASSERT_TRUE(world->work().ok()); // the files were still there
    EXPECT_EQ(engine().own_image(demo(), made.id).value().state, ImageState::available);
    EXPECT_EQ(world->damage().value(), std::vector<std::string>());
    auto const fresh = engine().run_instances(demo(), {.image = made.id.text()});
    ASSERT_TRUE(fresh.ok()) << fresh.error().message;
    ASSERT_TRUE(world->work().ok());
    EXPECT_EQ(state_of(fresh.value().front().id), InstanceState::running);
}

/// A volume goes to another instance and is captured again, while its first snapshot is stored.
TEST_F(Work, OnAVolumeGoesOnWhileItsSnapshotIsStored)
{
    auto const ids = launch(2);
    ASSERT_TRUE(world->work().ok());
    auto const zone = engine().own_instance(demo(), ids[0]).value().zone;
    auto const volume = engine().create_volume(demo(), {.zone = zone, .size_gib = 1}).value().id;
    auto const attach = [&](InstanceId const& id) {
        return engine().attach_volume(
            demo(), {.volume = volume, .instance = id, .device_name = "/dev/sdf"});
    };
    ASSERT_TRUE(attach(ids[0]).ok());
    ASSERT_TRUE(world->work().ok());
    auto const first = engine().create_snapshot(demo(), volume, "first", {}, false).value();
    work_until_stored();
    ASSERT_TRUE(engine().detach_volume(demo(), {.volume = volume}).ok());
    work_machines();
    ASSERT_TRUE(attach(ids[1]).ok());
    auto const second = engine().create_snapshot(demo(), volume, "second", {}, false).value();
    work_machines();
    ASSERT_TRUE(world->hypervisor().disk(volume).has_value());
    EXPECT_EQ(world->hypervisor().disk(volume)->overlays.size(), 3u);
    EXPECT_EQ(engine().own_snapshot(demo(), first.id).value().state, SnapshotState::pending);
    ASSERT_TRUE(world->work().ok());
    for (auto const& id : {first.id, second.id})
        EXPECT_EQ(engine().own_snapshot(demo(), id).value().state, SnapshotState::completed);
    EXPECT_EQ(world->hypervisor().disk(volume)->overlays.size(), 1u);
    auto const row = engine().own_volume(demo(), volume).value();
    EXPECT_EQ(row.layers.base, second.id);
    EXPECT_EQ(row.attachment->instance, ids[1]);
    EXPECT_EQ(world->damage().value(), std::vector<std::string>());
}

/// A release may drop an instance type that runs.
TEST_F(Work, OfAStartNeedsNoKnownInstanceType)
{
    auto const id = launch(1).front();
    ASSERT_TRUE(world->work().ok());
    ASSERT_TRUE(world->catalog()
                    .change({"test", "DropType"},
                            [&](catalog::Change& change) -> Result<void> {
                                auto instance = TRY(change.instance(id));
                                instance->type = "x9.gone";
                                return change.save(*instance);
                            })
                    .ok());
    ASSERT_TRUE(world->restart(Stop::daemon).ok());
    EXPECT_EQ(state_of(id), InstanceState::running);
}

TEST_F(Work, ThatIsLongHoldsUpNoLaunch)
{
    for (auto const* const name : {"disk-a", "disk-b", "disk-c", "disk-d"})
        ASSERT_TRUE(world->import(demo(), name, 1 << 20, {}).ok());
    auto const id = launch(1).front();
    ASSERT_TRUE(engine().work_once(Lane::machines).value());
    EXPECT_EQ(state_of(id), InstanceState::running);
    EXPECT_EQ(engine().tasks({.kind = "import"}).value().tasks.size(), 4u);
}

TEST_F(Work, WhoseArgumentsDoNotParseFailsAlone)
{
    std::vector<std::int64_t> ids;
    for (auto const* const kind : {"launch", "terminate", "detach", "reap", "capture"}) {
        Task const task{.kind = kind, .subject = "i-x", .payload = "{\"instance\": 7"};
        ids.push_back(world->catalog()
                          .change({"test", "Enqueue"},
                                  [&](catalog::Change& change) { return change.enqueue(task); })
                          .value());
    }
    auto const id = launch(1).front();
    ASSERT_TRUE(world->work().ok());
    EXPECT_EQ(state_of(id), InstanceState::running);
    for (auto const task_id : ids) {
        auto const task = engine().task(task_id).value();
        EXPECT_EQ(task.state, TaskState::failed) << task.kind;
        EXPECT_NE(task.outcome.find("do not parse"), std::string::npos) << task.outcome;
    }
    EXPECT_EQ(engine().status().value().tasks.stuck, 0u);
}

TEST_F(Work, CarriesTheRequestOnToWhatItCauses)
{
    auto const id = launch(1).front();
    ASSERT_TRUE(world->work().ok());
    auto caller = demo();
    caller.request = "req-terminate";
    ASSERT_TRUE(engine().terminate_instances(caller, {id}, {}, false).ok());
    ASSERT_TRUE(world->work().ok());
    auto const reap = engine().tasks({.kind = "reap"}).value().tasks;
    ASSERT_EQ(reap.size(), 1u);
    EXPECT_EQ(reap.front().task.request, "req-terminate");
}

} // namespace
} // namespace karat::testing
