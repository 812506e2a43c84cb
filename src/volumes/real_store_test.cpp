// SPDX-License-Identifier: Apache-2.0
// Import and capture into the real block store: a volume reads back the same, whichever way it
// came, and an accident at any point leaves the old state or the new.
#include "karat/volumes.hpp"

#include "karat/memory_env.hpp"
#include "testing/qcow2_builder.hpp"

#include <atomic>
#include <gtest/gtest.h>

namespace karat::volumes {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kBlock = blocks::kBlockBytes;

struct World {
    MemoryEnv env;
    std::unique_ptr<blocks::Store> store;
    std::unique_ptr<Volumes> volumes;
    VolumeId volume = VolumeId::parse("vol-00000000000000001").value();
    SnapshotId base = SnapshotId::parse("snap-00000000000000001").value();

    World() { open(); }
    void open()
    {
        volumes.reset();
        store.reset();
        blocks::Options store_options;
        store_options.threads = 1;
        store = blocks::Store::open(env.env(), "/store", store_options).value();
        Options options;
        options.directory = "/volumes";
        options.run_directory = "/run";
        volumes = Volumes::open(env.env(), *store, options).value();
    }
    void put(std::string const& path, Bytes const& bytes)
    {
        auto const file = env.files.open(path, Access::create).value();
        VERIFY(file->truncate(0).ok());
        VERIFY(file->write_at(0, bytes).ok());
        VERIFY(file->sync_data().ok());
    }
    Result<blocks::Committed> import(std::string const& name, Bytes const& raw)
    {
        put("/disk", raw);
        blocks::Facts facts;
        facts.name = name;
        facts.size_bytes = raw.size();
        return volumes->import("/disk", Format::raw, facts, {});
    }
    Result<blocks::Committed> capture(std::string const& name, std::uint64_t size_bytes)
    {
        blocks::Facts facts;
        facts.name = name;
        facts.size_bytes = size_bytes;
        return volumes->capture(volume, {base, {"1"}}, facts, {});
    }
    Bytes contents(std::string const& name)
    {
        auto const view = store->view(name).value();
        Bytes bytes(view->facts().size_bytes);
        VERIFY(view->read(0, bytes).ok());
        return bytes;
    }
};

/// Noise with a hole in it.
Bytes disk_of(std::uint64_t seed)
{
    Bytes bytes(4 * kMiB);
    SeededChance(seed).fill(bytes);
    std::fill_n(bytes.begin() + kMiB, kMiB, std::byte{0});
    return bytes;
}

/// An overlay with data at block 3, in the hole at 300, zero at 5 and 6; what a volume of `below`
/// reads as with it on top.
Bytes put_overlay(World& world, Bytes below)
{
    testing::Qcow2Builder overlay(
        {.cluster_bits = 17, .size_bytes = below.size(), .features = qcow2::kExtendedL2});
    overlay.set_l2(0, overlay.add_cluster('x'), 0x08 | std::uint64_t{0x60} << 32);
    overlay.set_l2(9, overlay.add_cluster('y'), 1 << 12);
    VERIFY(world.env.files.make_dirs("/volumes/" + world.volume.text()).ok());
    world.put(world.volumes->overlay_path(world.volume, "1"), overlay.bytes());
    auto const at = [&](std::uint64_t block) {
        return below.begin() + static_cast<std::ptrdiff_t>(block * kBlock);
    };
    std::fill_n(at(3), kBlock, std::byte{'x'});
    std::fill_n(at(5), 2 * kBlock, std::byte{0});
    std::fill_n(at(300), kBlock, std::byte{'y'});
    return below;
}

TEST(RealStore, ReadsBackTheSameWhicheverWayAVolumeCame)
{
    World world;
    auto const below = disk_of(1);
    ASSERT_TRUE(world.import(world.base.text(), below).ok());
    EXPECT_EQ(world.contents(world.base.text()), below);
    auto const above = put_overlay(world, below);
    auto const captured = world.capture("snap-captured", above.size());
    ASSERT_TRUE(captured.ok()) << captured.error().message;
    EXPECT_EQ(world.contents("snap-captured"), above);
    EXPECT_EQ(captured.value().bytes_written, 2 * kBlock) << "only what the overlay holds";
    auto const imported = world.import("snap-imported", above);
    ASSERT_TRUE(imported.ok()) << imported.error().message;
    EXPECT_EQ(world.contents("snap-imported"), above);
    EXPECT_EQ(captured.value().full_size_bytes, imported.value().full_size_bytes);

    auto const again = world.capture("snap-captured", above.size()).value();
    EXPECT_EQ(again.root, captured.value().root);
    EXPECT_EQ(again.full_size_bytes, captured.value().full_size_bytes);
    EXPECT_EQ(again.bytes_written, 0u);
}

TEST(SlowRealStore, AnAccidentAtAnyPointLeavesTheOldStateOrTheNew)
{
    auto const below = disk_of(2);
    bool finished = false;
    int failures = 0;
    for (int stop = 0; !finished && stop < 500; ++stop) {
        World world;
        ASSERT_TRUE(world.import(world.base.text(), below).ok());
        auto const above = put_overlay(world, below);
        ASSERT_TRUE(world.env.files.sync_dir("/volumes/" + world.volume.text()).ok());
        std::atomic<int> calls = 0;
        world.env.files.set_hook(
            [&](std::string_view operation, std::string const& path) -> Result<void> {
                return operation == "read" || calls++ < stop
                           ? Result<void>()
                           : fail(Fault::io, "Cannot " + std::string(operation) + ' ' + path);
            });
        auto const captured = world.capture("snap-new", above.size());
        finished = captured.ok() && calls <= stop;
        failures += captured.ok() ? 0 : 1;
        world.volumes.reset();
        world.store.reset();
        world.env.files.set_hook({});
        world.env.files.crash();
        world.open();
        EXPECT_EQ(world.contents(world.base.text()), below);
        auto const view = world.store->view("snap-new");
        EXPECT_TRUE(view.ok() || !captured.ok()) << "acknowledged and lost, stop " << stop;
        if (view.ok()) {
            EXPECT_EQ(world.contents("snap-new"), above);
        }
        ASSERT_TRUE(world.capture("snap-new", above.size()).ok()) << stop;
        EXPECT_EQ(world.contents("snap-new"), above);
    }
    EXPECT_TRUE(finished);
    EXPECT_GT(failures, 3) << "the accidents must hit the capture";
}

} // namespace
} // namespace karat::volumes
