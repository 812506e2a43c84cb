// SPDX-License-Identifier: Apache-2.0
// Import and capture through the door, against a store in memory and overlays made by hand.
#include "karat/volumes.hpp"

#include "karat/memory_env.hpp"
#include "testing/fake_store.hpp"
#include "testing/qcow2_builder.hpp"

#include <gtest/gtest.h>

namespace karat::volumes {
namespace {

using testing::FakeStore;
using testing::Qcow2Builder;

constexpr std::uint64_t kBlock = blocks::kBlockBytes;
constexpr std::uint64_t kCluster = 128 << 10;
constexpr std::uint64_t kMiB = 1 << 20;

blocks::Facts facts_of(std::string name, std::uint64_t size_bytes)
{
    blocks::Facts facts;
    facts.name = std::move(name);
    facts.size_bytes = size_bytes;
    return facts;
}

Options options()
{
    Options options;
    options.directory = "/volumes";
    options.run_directory = "/run";
    options.store_directory = "/store";
    return options;
}

struct World {
    MemoryEnv env;
    FakeStore store;
    std::unique_ptr<Volumes> volumes = Volumes::open(env.env(), store, options()).value();
    VolumeId volume = VolumeId::parse("vol-00000000000000001").value();
    SnapshotId base = SnapshotId::parse("snap-00000000000000001").value();

    void put(std::string const& path, Bytes const& bytes)
    {
        auto const file = env.files.open(path, Access::create).value();
        VERIFY(file->write_at(0, bytes).ok());
    }
    void put_overlay(std::string const& name, Bytes const& bytes)
    {
        VERIFY(env.files.make_dirs("/volumes/" + volume.text()).ok());
        put(volumes->overlay_path(volume, name), bytes);
    }
    void put_base(std::uint64_t size_bytes, std::map<std::uint64_t, char> const& blocks)
    {
        auto& snapshot = store.snapshots[base.text()];
        snapshot.facts = facts_of(base.text(), size_bytes);
        for (auto const& [index, fill] : blocks)
            snapshot.blocks[index] = Bytes(kBlock, static_cast<std::byte>(fill));
    }
    Result<blocks::Committed> capture(Layers const& layers, std::uint64_t size_bytes,
                                      Progress const& progress = {})
    {
        return volumes->capture(volume, layers, facts_of("snap-new", size_bytes), progress);
    }
    /// "3:a 5:b": the first byte of each block that is not zero.
    std::string stored(std::string const& name)
    {
        std::string text;
        for (auto const& [index, bytes] : store.snapshots.at(name).blocks)
            text += (text.empty() ? "" : " ") + std::to_string(index) + ':' +
                    static_cast<char>(bytes[0]);
        return text;
    }
};

Qcow2Builder overlay(std::uint64_t size_bytes)
{
    return Qcow2Builder(
        {.cluster_bits = 17, .size_bytes = size_bytes, .features = qcow2::kExtendedL2});
}

TEST(Capture, TakesTheTopmostOfEachBlockAndLeavesTheRestToTheBase)
{
    World world;
    world.put_base(kMiB, {{0, 'B'}, {1, 'B'}, {2, 'B'}, {3, 'B'}, {4, 'B'}, {40, 'B'}});
    auto bottom = overlay(kMiB);
    bottom.set_l2(0, bottom.add_cluster('u'), 0x0e); // 1, 2 and 3
    auto top = overlay(kMiB);
    top.set_l2(0, top.add_cluster('t'), 0x04 | std::uint64_t{0x18} << 32); // 2; zero at 3 and 4
    world.put_overlay("1", bottom.bytes());
    world.put_overlay("2", top.bytes());
    ASSERT_TRUE(world.capture({world.base, {"1", "2"}}, kMiB).ok());
    EXPECT_EQ(world.stored("snap-new"), "0:B 1:u 2:t 40:B");
    EXPECT_EQ(world.store.traffic.written_bytes, 2 * kBlock);
    EXPECT_EQ(world.store.traffic.zeroed_bytes, 2 * kBlock);
    EXPECT_EQ(world.store.traffic.writes, 1u) << "data that follows on one another goes together";
}

TEST(Capture, HandlesVolumesThatGrew)
{
    World world;
    world.put_base(kMiB, {{0, 'B'}, {200, 'B'}});
    auto bottom = overlay(kMiB);
    bottom.set_l2(1, bottom.add_cluster('u'), 1);
    auto top = overlay(2 * kMiB);
    top.set_l2(2 * kMiB / kCluster - 1, top.add_cluster('t'), 0x80000000);
    world.put_overlay("1", bottom.bytes());
    world.put_overlay("2", top.bytes());
    ASSERT_TRUE(world.capture({world.base, {"1", "2"}}, 2 * kMiB).ok());
    EXPECT_EQ(world.stored("snap-new"), "0:B 32:u 200:B 511:t");
}

TEST(Capture, CutsTheBaseWhereAnOverlayEnds)
{
    World world;
    world.put_base(2 * kMiB, {{0, 'B'}, {300, 'B'}});
    world.put_overlay("1", overlay(kMiB).bytes());
    ASSERT_TRUE(world.capture({world.base, {"1"}}, 2 * kMiB).ok());
    EXPECT_EQ(world.stored("snap-new"), "0:B");
}

TEST(Capture, OfNothingIsTheBaseOrEmpty)
{
    World world;
    world.put_base(kMiB, {{7, 'B'}});
    ASSERT_TRUE(world.capture({world.base, {}}, kMiB).ok());
    EXPECT_EQ(world.stored("snap-new"), "7:B");
    ASSERT_TRUE(world.volumes->create_overlay(world.volume, "1", 64 * kMiB).ok());
    ASSERT_TRUE(
        world.volumes
            ->capture(world.volume, {std::nullopt, {"1"}}, facts_of("snap-empty", 64 * kMiB), {})
            .ok());
    EXPECT_EQ(world.stored("snap-empty"), "");
}

TEST(Capture, TwiceIsOnce)
{
    World world;
    auto only = overlay(kMiB);
    only.set_l2(0, only.add_cluster('x'), 3);
    world.put_overlay("1", only.bytes());
    auto const first = world.capture({std::nullopt, {"1"}}, kMiB).value();
    ASSERT_TRUE(world.volumes->remove(world.volume).ok()); // as after a merge of the layers
    auto const second = world.capture({std::nullopt, {"1"}}, kMiB).value();
    EXPECT_EQ(second.root, first.root);
    EXPECT_EQ(second.full_size_bytes, 2 * kBlock);
    EXPECT_EQ(second.bytes_written, 0u);
}

TEST(Capture, LeavesNothingBehindWhenInterruptedOrBroken)
{
    World world;
    auto large = overlay(64 * kMiB);
    for (std::size_t i = 0; i < 512; ++i)
        large.set_l2(i, large.add_cluster('x'), 0xffffffff);
    world.put_overlay("1", large.bytes());
    double last = 0;
    auto const interrupted = world.capture({std::nullopt, {"1"}}, 64 * kMiB, [&](double share) {
        last = share;
        return share < 0.5;
    });
    ASSERT_FALSE(interrupted.ok());
    EXPECT_EQ(interrupted.error().fault, Fault::unavailable);
    EXPECT_EQ(interrupted.error().message, "The making of snap-new was interrupted");
    EXPECT_GE(last, 0.5);
    EXPECT_TRUE(world.store.snapshots.empty());

    auto const lost = world.capture({std::nullopt, {"1", "2"}}, 64 * kMiB);
    ASSERT_FALSE(lost.ok());
    EXPECT_EQ(lost.error().fault, Fault::corrupt);
    EXPECT_EQ(lost.error().message, "The volume vol-00000000000000001 has lost its layer "
                                    "/volumes/vol-00000000000000001/2");
    auto const small = world.capture({std::nullopt, {"1"}}, kMiB);
    ASSERT_FALSE(small.ok());
    EXPECT_EQ(small.error().message,
              "The volume has 67108864 bytes and does not fit into snap-new of 1048576 bytes");
    EXPECT_TRUE(world.store.snapshots.empty());
}

TEST(Import, StoresBlocksAndPadsTheDisk)
{
    World world;
    Bytes raw(3 * kBlock + 512);
    raw[kBlock] = std::byte{'a'};
    raw[3 * kBlock] = std::byte{'z'};
    world.put("/disk", raw);
    auto const facts = world.volumes->inspect("/disk", std::nullopt).value();
    EXPECT_EQ(facts.format, Format::raw);
    EXPECT_EQ(facts.virtual_size_bytes, raw.size());
    auto const import = [&](std::uint64_t size) {
        return world.volumes->import("/disk", Format::raw, facts_of("snap-new", size), {});
    };
    EXPECT_EQ(import(3 * kBlock).error().message, "The disk has 12800 bytes and does not fit into "
                                                  "snap-new of 12288 bytes");
    EXPECT_EQ(import(raw.size()).error().message,
              "The size of snap-new, 12800 bytes, is not a multiple of 4096");
    ASSERT_TRUE(import(16 * kBlock).ok());
    EXPECT_EQ(world.stored("snap-new"), "1:a 3:z");
    EXPECT_EQ(import(16 * kBlock).value().full_size_bytes, 2 * kBlock) << "twice is once";
}

TEST(Import, GathersClustersThatAreSmallerThanBlocks)
{
    World world;
    Qcow2Builder builder({.version = 2, .cluster_bits = 9, .size_bytes = 5 * kBlock + 512});
    builder.set_l2(1, builder.add_cluster('a')).set_l2(3, builder.add_cluster('b'));
    builder.set_l2(16, builder.add_cluster('c'));
    builder.set_l2(40, builder.add_cluster('d'));
    world.put("/disk", builder.bytes());
    EXPECT_EQ(world.volumes->inspect("/disk", std::nullopt).value().format, Format::qcow2);
    ASSERT_TRUE(
        world.volumes->import("/disk", Format::qcow2, facts_of("snap-new", 6 * kBlock), {}).ok());
    auto const& blocks = world.store.snapshots.at("snap-new").blocks;
    EXPECT_EQ(blocks.size(), 3u);
    EXPECT_EQ(blocks.at(0)[512], std::byte{'a'});
    EXPECT_EQ(blocks.at(0)[1024], std::byte{0});
    EXPECT_EQ(blocks.at(0)[2047], std::byte{'b'});
    EXPECT_EQ(blocks.at(2)[0], std::byte{'c'});
    EXPECT_EQ(blocks.at(5)[511], std::byte{'d'});
    EXPECT_EQ(blocks.at(5)[512], std::byte{0});
}

TEST(Import, ReadsAFileAsItIsTold)
{
    World world;
    auto const bytes = Qcow2Builder().put64(qcow2::at::kBackingOffset, 512).bytes();
    world.put("/disk", bytes);
    EXPECT_FALSE(world.volumes->inspect("/disk", std::nullopt).ok());
    EXPECT_EQ(world.volumes->inspect("/disk", Format::raw).value().virtual_size_bytes,
              bytes.size());
    EXPECT_EQ(parse_format("qcow2").value(), Format::qcow2);
    EXPECT_EQ(parse_format("raw").value(), Format::raw);
    EXPECT_EQ(
        parse_format("qed").error().message,
        "The disk format 'qed' is not one that Karat reads: raw, qcow2, vmdk, vhd, vhdx, vdi, ova");
}

TEST(Volumes, AreListedAndRemoved)
{
    World world;
    auto const other = VolumeId::parse("vol-00000000000000002").value();
    ASSERT_TRUE(world.env.files.make_dirs("/volumes/lost+found").ok());
    ASSERT_TRUE(world.volumes->create_overlay(world.volume, "1", kMiB).ok());
    ASSERT_TRUE(world.volumes->create_overlay(world.volume, "1", kMiB).ok());
    ASSERT_TRUE(world.volumes->create_overlay(other, "1", kMiB).ok());
    ASSERT_TRUE(world.volumes->create_overlay(other, "2", kMiB).ok());
    EXPECT_EQ(world.volumes->list().value(), (std::vector{world.volume, other}));
    ASSERT_TRUE(world.volumes->keep_overlays(other, {"2"}).ok());
    ASSERT_TRUE(world.volumes->keep_overlays(other, {"2"}).ok());
    EXPECT_FALSE(world.env.files.exists(world.volumes->overlay_path(other, "1")).value());
    ASSERT_TRUE(world.volumes->remove(world.volume).ok());
    ASSERT_TRUE(world.volumes->remove(world.volume).ok());
    ASSERT_TRUE(world.volumes->keep_overlays(world.volume, {}).ok());
    EXPECT_EQ(world.volumes->list().value(), std::vector{other});
    EXPECT_EQ(world.volumes->export_of(world.base).name, "snap-00000000000000001");
    EXPECT_EQ(world.volumes->export_of(world.base).socket, "/run/nbd/blk.sock");
}

} // namespace
} // namespace karat::volumes
