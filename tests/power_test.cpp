// SPDX-License-Identifier: Apache-2.0
// The main job, with the power cut after the first sync, the second, and so on: whatever was
// acknowledged is there when the host is up again, whatever was begun ends, and what must always
// hold does.
#include "world.hpp"

#include "karat/log.hpp"

#include <gtest/gtest.h>
#include <set>

namespace karat::testing {
namespace {

constexpr int kStride = 19; // 1 tries every sync; this one takes seconds

/// What the calls of the job answered before the lights went out.
struct Acknowledged {
    std::vector<ImageId> images;
    std::vector<InstanceId> instances;
    std::set<InstanceId> terminated;
    std::set<ImageId> deregistered;
    bool all = false;
};

Result<void> capture(World& world, engine::Caller const& caller, InstanceId const& instance,
                     std::string const& name, bool no_reboot, Acknowledged& acknowledged)
{
    auto const image = TRY(world.engine().create_image(
        caller, {.instance = instance, .name = name, .no_reboot = no_reboot}));
    acknowledged.images.push_back(image.id);
    return world.work();
}

/// Import, launch, capture twice, launch from the capture, terminate, deregister and delete.
Result<void> run_job(World& world, engine::Caller const& caller, Acknowledged& acknowledged)
{
    auto& engine = world.engine();
    auto const imported = TRY(world.import(caller, "disk", 256 << 10, {}));
    acknowledged.images.push_back(imported.image);
    TRY(world.work());
    auto const first = TRY(engine.run_instances(caller, {.image = imported.image.text()}));
    acknowledged.instances.push_back(first.front().id);
    TRY(world.work());
    TRY(capture(world, caller, first.front().id, "running", true, acknowledged));
    TRY(capture(world, caller, first.front().id, "rebooted", false, acknowledged));
    auto const second =
        TRY(engine.run_instances(caller, {.image = acknowledged.images.back().text()}));
    acknowledged.instances.push_back(second.front().id);
    TRY(world.work());
    TRY(engine.terminate_instances(caller, {first.front().id}, {}, false));
    acknowledged.terminated.insert(first.front().id);
    TRY(engine.deregister_image(caller, imported.image, false, false));
    acknowledged.deregistered.insert(imported.image);
    TRY(engine.delete_snapshot(caller, imported.snapshot, false));
    TRY(world.work());
    acknowledged.all = true;
    return {};
}

void expect_images(World& world, engine::Caller const& caller, Acknowledged const& acknowledged)
{
    for (auto const& id : acknowledged.images) {
        auto const image = world.engine().own_image(caller, id);
        if (acknowledged.deregistered.contains(id)) {
            EXPECT_FALSE(image.ok()) << id.text() << " came back";
            continue;
        }
        // Deregistering may have been committed without an answer: then it is gone, all of it.
        bool const asked_to_go = id == acknowledged.images.front();
        if (!image.ok()) {
            EXPECT_TRUE(asked_to_go) << id.text() << " was lost: " << image.error().message;
            continue;
        }
        EXPECT_EQ(word(image.value().state), "available") << image.value().name;
    }
}

void expect_instances(World& world, engine::Caller const& caller, Acknowledged const& acknowledged)
{
    for (auto const& id : acknowledged.instances) {
        auto const found = world.engine().own_instance(caller, id);
        ASSERT_TRUE(found.ok()) << id.text() << " was lost: " << found.error().message;
        auto const state = found.value().state;
        if (acknowledged.terminated.contains(id))
            EXPECT_EQ(word(state), "terminated");
        else
            EXPECT_TRUE(state == InstanceState::running || state == InstanceState::stopped ||
                        state == InstanceState::terminated)
                << word(state);
    }
}

/// What must hold when all is well again.
void expect_sound(World& world, engine::Caller const& caller, Acknowledged const& acknowledged)
{
    auto const worked = world.work();
    EXPECT_TRUE(worked.ok()) << worked.error().message;
    auto const damage = world.damage();
    EXPECT_TRUE(damage.ok());
    for (auto const& sentence : damage.value())
        ADD_FAILURE() << sentence;
    expect_images(world, caller, acknowledged);
    expect_instances(world, caller, acknowledged);
    auto const open = world.open_tasks();
    EXPECT_TRUE(open.ok());
    for (auto const& task : open.value())
        EXPECT_TRUE(task.kind == "reap" || task.kind == "collect")
            << task.kind << " " << task.subject << " waits for ever";
}

/// Runs the job in trouble and starts the daemon again. True when the job ended before the trouble.
bool survives(Stop stop, auto begin_trouble, auto after_trouble)
{
    auto made = World::create(1);
    EXPECT_TRUE(made.ok());
    auto& world = *made.value();
    auto const caller = world.caller("alice", "us-east-1");
    EXPECT_TRUE(caller.ok());
    Acknowledged acknowledged;
    begin_trouble(world);
    static_cast<void>(run_job(world, caller.value(), acknowledged).ok()); // how far does not matter
    world.heal();
    after_trouble(world);
    auto const restarted = world.restart(stop);
    EXPECT_TRUE(restarted.ok()) << restarted.error().message;
    expect_sound(world, caller.value(), acknowledged);
    return acknowledged.all;
}

bool survives_a_cut_after(int syncs)
{
    return survives(Stop::power, [=](World& world) { world.fail_after(syncs); }, [](World&) {});
}

TEST(Power, CutAnywhereInTheMainJob)
{
    set_log_level(Level::error);
    int syncs = 1;
    for (bool over = false; !over && !HasFailure(); syncs += kStride) {
        SCOPED_TRACE("power cut after sync " + std::to_string(syncs));
        over = survives_a_cut_after(syncs);
    }
    EXPECT_GT(syncs, 50) << "the job has become suspiciously short";
}

/// True when the job was through before the disk failed. Then the daemon goes on; when a sync or a
/// commit failed, it changes nothing more, and is started again.
bool survives_a_disk_that_fails(World::Trouble const& trouble)
{
    return survives(
        Stop::daemon, [&](World& world) { world.fail_between(trouble); },
        [&](World& world) {
            if (trouble.fault == Fault::full && trouble.length == 1) // told again, and heard again
                static_cast<void>(world.work().ok());
        });
}

constexpr int kDiskStride = 83;

void expect_survival(Fault fault, int length)
{
    set_log_level(static_cast<Level>(4));
    bool over = false;
    for (int first = 0; !over && !::testing::Test::HasFailure(); first += kDiskStride) {
        SCOPED_TRACE("the disk fails from operation " + std::to_string(first));
        over = survives_a_disk_that_fails({.first = first, .length = length, .fault = fault});
    }
    set_log_level(Level::info);
}

TEST(SlowDisk, FullForAMomentAnywhereInTheMainJob) { expect_survival(Fault::full, 1); }
TEST(SlowDisk, FullForAWhileAnywhereInTheMainJob) { expect_survival(Fault::full, 40); }
TEST(SlowDisk, ReadOnlyAnywhereInTheMainJob) { expect_survival(Fault::io, 1 << 30); }

} // namespace
} // namespace karat::testing
