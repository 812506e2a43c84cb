// SPDX-License-Identifier: Apache-2.0
// Guests move onto files that the host cache has whole, and back to the server when those are gone.
#include "world.hpp"

#include "karat/log.hpp"

#include <gtest/gtest.h>

namespace karat::testing {
namespace {

class Promotion : public ::testing::Test {
protected:
    void SetUp() override
    {
        set_log_level(static_cast<Level>(4));
        auto made = World::create(9);
        ASSERT_TRUE(made.ok()) << made.error().message;
        world = std::move(made).value();
        auto const who = caller();
        auto const imported = world->import(who, "disk", 512 << 10, {}).value();
        image = imported.image.text();
        snapshot = imported.snapshot.text();
        work();
    }
    void TearDown() override { set_log_level(Level::info); }

    engine::Engine& engine() { return world->engine(); }
    engine::Caller caller() { return world->caller("demo", "us-east-1").value(); }
    void work()
    {
        auto const worked = world->work();
        ASSERT_TRUE(worked.ok()) << worked.error().message;
    }
    void promote()
    {
        ASSERT_TRUE(engine().promote().ok());
        work();
    }
    Instance launch()
    {
        auto launched = engine().run_instances(caller(), {.image = image}).value();
        work();
        return launched.front();
    }
    /// What a karat-blk does when somebody reads the snapshot.
    void fill_cache(std::string const& name)
    {
        auto const env = world->env().env();
        auto const reader = blocks::Reader::open(env, "/data/store").value();
        auto const cache = blk::HostCache::open(env, *reader,
                                                {.directory = "/data/cache",
                                                 .limit_bytes = 1 << 30,
                                                 .trace_for = std::chrono::seconds(0)})
                               .value();
        auto const disk = cache->disk(name).value();
        Bytes bytes(blocks::kBlockBytes);
        ASSERT_TRUE(disk->read(0, bytes).ok());
        while (cache->tend().value()) {
        }
    }
    void evict(std::string const& name)
    {
        ASSERT_TRUE(world->env().files.remove(blk::whole_file("/data/cache", name)).ok());
    }
    /// Where the root disk reads through to.
    std::string backing_of(InstanceId const& id)
    {
        auto const machine = world->hypervisor().machine(id);
        if (!machine)
            return "off";
        auto const& backing = *machine->disks.front().backing;
        return backing.file.empty() ? "nbd " + backing.name : backing.file;
    }
    std::size_t open_tasks() { return world->open_tasks().value().size(); }

    std::string file() const { return blk::whole_file("/data/cache", snapshot); }
    std::string nbd() const { return "nbd " + snapshot; }

    std::unique_ptr<World> world;
    std::string image;
    std::string snapshot;
};

TEST_F(Promotion, MovesRunningGuestsAndLaunchesNewOnes)
{
    auto const first = launch();
    promote();
    EXPECT_EQ(backing_of(first.id), nbd());
    fill_cache(snapshot);
    promote();
    EXPECT_EQ(backing_of(first.id), file());
    EXPECT_EQ(backing_of(launch().id), file());
    ASSERT_TRUE(engine().promote().ok()); // once more for the new one, which has it already
    work();
    ASSERT_TRUE(engine().promote().ok());
    EXPECT_EQ(open_tasks(), 0U);
    auto const cached = engine().cached().value();
    ASSERT_EQ(cached.size(), 1U);
    EXPECT_TRUE(cached.front().whole);
}

TEST_F(Promotion, FindsItsWayAfterARestart)
{
    auto const first = launch();
    fill_cache(snapshot);
    ASSERT_TRUE(world->restart(Stop::daemon).ok());
    promote();
    EXPECT_EQ(backing_of(first.id), file());
    ASSERT_TRUE(world->restart(Stop::daemon).ok());
    promote();
    EXPECT_EQ(backing_of(first.id), file());
    EXPECT_TRUE(world->damage().value().empty());
}

TEST_F(Promotion, LaunchesFromTheServerOnceTheFileIsEvicted)
{
    auto const first = launch();
    fill_cache(snapshot);
    promote();
    evict(snapshot);
    promote(); // the guest has it open, and keeps it
    EXPECT_EQ(backing_of(first.id), file());
    ASSERT_TRUE(engine().stop_instances(caller(), {first.id}, {}, false).ok());
    work();
    EXPECT_EQ(backing_of(first.id), "off");
    ASSERT_TRUE(engine().start_instances(caller(), {first.id}, false).ok());
    work();
    EXPECT_EQ(backing_of(first.id), nbd());
    fill_cache(snapshot);
    promote();
    EXPECT_EQ(backing_of(first.id), file());
}

TEST_F(Promotion, SnapshotsAndMergesGoOnAfterwards)
{
    auto const first = launch();
    fill_cache(snapshot);
    promote();
    auto const volume = *engine().volumes_of(first.id).value().front();
    auto const made = engine().create_snapshot(caller(), volume.id, "", {}, false).value();
    work();
    EXPECT_EQ(backing_of(first.id), "nbd " + made.id.text());
    fill_cache(made.id.text());
    promote();
    EXPECT_EQ(backing_of(first.id), blk::whole_file("/data/cache", made.id.text()));
    EXPECT_TRUE(world->damage().value().empty());
}

TEST_F(Promotion, AMoveThatFailsIsMadeLater)
{
    auto const first = launch();
    fill_cache(snapshot);
    world->hypervisor().fail_next("rebase", Fault::io);
    promote();
    EXPECT_EQ(backing_of(first.id), file());
}

} // namespace
} // namespace karat::testing
