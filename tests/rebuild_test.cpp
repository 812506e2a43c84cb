// SPDX-License-Identifier: Apache-2.0
// The catalog is lost, the store is not: its snapshots are described and launched from again. And
// the operator's looks at the store through the engine's tasks.
#include "world.hpp"

#include "karat/log.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace karat::testing {
namespace {

class Rebuild : public ::testing::Test {
protected:
    void SetUp() override
    {
        set_log_level(static_cast<Level>(4));
        auto made = World::create(7);
        ASSERT_TRUE(made.ok()) << made.error().message;
        world = std::move(made).value();
    }
    void TearDown() override { set_log_level(Level::info); }

    engine::Engine& engine() { return world->engine(); }
    engine::Caller caller() { return world->caller("demo", "us-east-1").value(); }
    void lose_catalog()
    {
        auto& files = world->env().files;
        for (auto const& name : files.list("/data").value())
            if (name.starts_with("catalog.sqlite")) {
                ASSERT_TRUE(files.remove("/data/" + name).ok());
            }
        auto const restarted = world->restart(Stop::daemon);
        ASSERT_TRUE(restarted.ok()) << restarted.error().message;
    }
    /// Changes bytes of the catalog's file while nobody has it open.
    void edit_catalog(std::string_view from, std::string_view to)
    {
        ASSERT_TRUE(world->restart(Stop::daemon).ok()); // nothing stays in its log
        auto const file = world->env().files.open("/data/catalog.sqlite", Access::write).value();
        Bytes bytes(file->size_bytes().value());
        ASSERT_TRUE(read_exactly(*file, 0, bytes).ok());
        auto const at = as_text(bytes).find(from);
        ASSERT_NE(at, std::string_view::npos);
        ASSERT_TRUE(file->write_at(at, as_bytes(to)).ok());
        ASSERT_TRUE(world->restart(Stop::daemon).ok());
    }
    template <class Thing, class Selection>
    Result<std::vector<Thing>>
    listed(Result<void> (engine::Engine::*verb)(engine::Caller const&, Selection const&,
                                                engine::Visit<Thing> const&),
           engine::Caller const& by)
    {
        std::vector<Thing> found;
        TRY((engine().*verb)(by, {}, [&](catalog::Ref<Thing> const& one) -> Result<bool> {
            found.push_back(*one);
            return true;
        }));
        return found;
    }
    Task finished_task(std::int64_t id)
    {
        EXPECT_TRUE(world->work().ok());
        return engine().task(id).value();
    }

    std::unique_ptr<World> world;
};

TEST_F(Rebuild, BringsBackWhatTheStoreHas)
{
    auto const before = caller();
    auto const imported = world->import(before, "disk", 512 << 10, {}).value();
    ASSERT_TRUE(world->work().ok());
    auto const image = engine().own_image(before, imported.image).value();
    auto const first = engine().run_instances(before, {.image = imported.image.text()}).value();
    ASSERT_TRUE(world->work().ok());
    auto const volume = *engine().volumes_of(first.front().id).value().front();
    auto const tags = Tags{{"role", "web"}, {"é", ""}};
    ASSERT_TRUE(engine().create_snapshot(before, volume.id, "nightly", tags, false).ok());
    ASSERT_TRUE(world->work().ok());
    auto const known = listed<Snapshot>(&engine::Engine::snapshots, before).value();
    ASSERT_EQ(known.size(), 2U);

    lose_catalog();
    EXPECT_TRUE(engine().accounts().value().empty());
    auto const rebuilt = engine().rebuild().value();
    EXPECT_EQ(rebuilt.snapshots.size(), 2U);
    EXPECT_EQ(rebuilt.accounts, std::vector<AccountId>{before.account});
    EXPECT_TRUE(rebuilt.failed.empty());
    EXPECT_TRUE(engine().rebuild().value().snapshots.empty()); // nothing is left to do

    ASSERT_TRUE(engine().create_account("demo", "", before.account).ok());
    EXPECT_FALSE(engine().create_account("again", "", before.account).ok()); // it has a name now
    auto const after = listed<Snapshot>(&engine::Engine::snapshots, caller()).value();
    ASSERT_EQ(after.size(), known.size());
    for (auto const& row : known) {
        auto const found = std::find_if(after.begin(), after.end(),
                                        [&](Snapshot const& one) { return one.id == row.id; });
        ASSERT_NE(found, after.end());
        EXPECT_EQ(found->owner, row.owner);
        EXPECT_EQ(found->region, row.region);
        EXPECT_EQ(found->state, SnapshotState::completed);
        EXPECT_EQ(found->volume, row.volume);
        EXPECT_EQ(found->size_gib, row.size_gib);
        EXPECT_EQ(found->full_size_bytes, row.full_size_bytes);
        EXPECT_EQ(found->description, row.description);
        EXPECT_EQ(found->started, row.started);
        EXPECT_TRUE(found->completed && *found->completed >= row.started);
        EXPECT_EQ(found->content, row.content);
        EXPECT_EQ(found->parent, row.parent);
        EXPECT_EQ(found->tags, row.tags);
    }
    auto const again =
        engine()
            .register_image(caller(), {.name = "again",
                                       .architecture = "x86_64",
                                       .root_device_name = image.root_device_name,
                                       .devices = {{.device_name = image.root_device_name,
                                                    .snapshot = imported.snapshot}}})
            .value();
    auto const second = engine().run_instances(caller(), {.image = again.id.text()}).value();
    ASSERT_TRUE(world->work().ok());
    auto const running = engine().own_instance(caller(), second.front().id).value();
    EXPECT_EQ(running.state, InstanceState::running);
    ASSERT_TRUE(engine().collect().ok()); // and nothing of it goes
    EXPECT_TRUE(engine().check_store([](double) { return true; }).value().damage.empty());
}

TEST_F(Rebuild, BringsBackASnapshotWhoseRowIsDamaged)
{
    auto const imported = world->import(caller(), "disk", 512 << 10, {}).value();
    ASSERT_TRUE(world->work().ok());
    auto const before = engine().own_snapshot(caller(), imported.snapshot).value();
    EXPECT_TRUE(engine().check_catalog().value().damage.empty());
    edit_catalog("\"full_size_bytes\":", "\"full_size_bytez\":");

    EXPECT_EQ(engine().own_snapshot(caller(), before.id).error().fault, Fault::corrupt);
    EXPECT_EQ(listed<Snapshot>(&engine::Engine::snapshots, caller()).error().fault, Fault::corrupt);
    EXPECT_EQ(engine().collect().error().fault, Fault::corrupt); // nothing is freed on a guess
    auto const other = world->caller("other", "us-east-1").value();
    EXPECT_TRUE(listed<Snapshot>(&engine::Engine::snapshots, other).value().empty());
    EXPECT_EQ(listed<Image>(&engine::Engine::images, caller()).value().size(), 1U);
    auto const damage = engine().check_catalog().value().damage;
    ASSERT_EQ(damage.size(), 2U) << damage.front();
    EXPECT_NE(damage[0].find(before.id.text()), std::string::npos);
    EXPECT_EQ(engine().status().value().catalog_damage, 2U);

    auto const rebuilt = engine().rebuild().value();
    EXPECT_EQ(rebuilt.catalog.dropped, std::vector{"snapshot " + before.id.text()});
    EXPECT_EQ(rebuilt.snapshots, std::vector{before.id});
    auto const after = engine().own_snapshot(caller(), before.id).value();
    EXPECT_EQ(after.full_size_bytes, before.full_size_bytes);
    EXPECT_EQ(after.tags, before.tags);
    EXPECT_TRUE(engine().check_catalog().value().damage.empty());
    EXPECT_TRUE(engine().collect().ok());
}

TEST_F(Rebuild, AScrubIsATaskThatFailsOfDamage)
{
    ASSERT_TRUE(world->import(caller(), "disk", 512 << 10, {}).ok());
    ASSERT_TRUE(world->work().ok());
    EXPECT_FALSE(engine().start_scrub({.mib_per_second = 1}).ok());
    auto const good = finished_task(engine().start_scrub({}).value());
    EXPECT_EQ(good.state, TaskState::done) << good.outcome;
    EXPECT_EQ(good.progress_percent, 100);
    auto& files = world->env().files;
    auto const pack = "/data/store/packs/" + files.list("/data/store/packs").value().front();
    auto const file = files.open(pack, Access::write).value();
    ASSERT_TRUE(file->write_at(100'000, as_bytes("rot")).ok());
    auto const bad = finished_task(engine().start_scrub({}).value());
    EXPECT_EQ(bad.state, TaskState::failed);
    EXPECT_NE(bad.outcome.find(pack), std::string::npos) << bad.outcome;
    EXPECT_NE(bad.outcome.find("snap-"), std::string::npos) << bad.outcome;
}

} // namespace
} // namespace karat::testing
