// SPDX-License-Identifier: Apache-2.0
#include "overlay.hpp"

#include "disk_reader.hpp"
#include "karat/memory_env.hpp"
#include "testing/host_tools.hpp"

#include <chrono>
#include <gtest/gtest.h>

namespace karat::volumes {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kTiB = std::uint64_t{1} << 40;

TEST(Overlay, IsEmptyAndAsLargeAsAskedFor)
{
    MemoryEnv world;
    for (auto const size : {std::uint64_t{4096}, kMiB, 5 * kMiB + 4096, kTiB, 64 * kTiB}) {
        ASSERT_TRUE(make_overlay(world.files, "o", size).ok());
        auto const reader =
            open_qcow2(world.files.open("o", Access::read).value(), "o", Trust::stranger).value();
        EXPECT_EQ(reader->size_bytes(), size);
        auto const stretch = reader->next(0).value();
        EXPECT_EQ(stretch.kind, Kind::unallocated);
        EXPECT_EQ(stretch.range, (Range{0, size}));
    }
}

TEST(Overlay, RefusesSizesThatNoVolumeHas)
{
    MemoryEnv world;
    for (auto const size : {std::uint64_t{0}, std::uint64_t{512}, kMiB + 1, 64 * kTiB + 4096}) {
        auto const made = make_overlay(world.files, "o", size);
        ASSERT_FALSE(made.ok()) << size;
        EXPECT_EQ(made.error().fault, Fault::invalid);
        EXPECT_FALSE(world.files.exists("o").value());
    }
}

TEST(Overlay, IsWholeOrAbsentAfterACrashAtAnyPoint)
{
    for (int stop = 0; stop < 20; ++stop) {
        for (std::uint64_t seed = 0; seed < 20; ++seed) {
            MemoryEnv world;
            ASSERT_TRUE(world.files.make_dirs("v").ok());
            int calls = 0;
            world.files.set_hook([&](std::string_view, std::string const& path) -> Result<void> {
                return calls++ < stop ? Result<void>() : fail(Fault::io, "no power for " + path);
            });
            auto const made = make_overlay(world.files, "v/o", kTiB);
            world.files.set_hook({});
            SeededChance chance(seed);
            world.files.crash([&] { return chance.flip(); });
            EXPECT_TRUE(!made.ok() || world.files.exists("v/o").value());
            if (!world.files.exists("v/o").value())
                continue;
            auto file = world.files.open("v/o", Access::read).value();
            EXPECT_TRUE(open_qcow2(std::move(file), "v/o", Trust::own).ok());
        }
    }
}

TEST(SlowOverlay, PleasesQemuImgAtEverySize)
{
    KARAT_REQUIRE("qemu-img", "qemu-utils");
    testing::Folder const folder;
    auto const path = folder / "o";
    for (auto const size : {kMiB, 3 * kMiB + 4096, std::uint64_t{1} << 30, kTiB, 16 * kTiB,
                            16 * kTiB + 4096, 64 * kTiB}) {
        ASSERT_TRUE(make_overlay(posix_env().files, path, size).ok());
        auto const check = testing::run("qemu-img check -f qcow2 " + path);
        EXPECT_EQ(check.status, 0) << check.output;
        EXPECT_NE(check.output.find("No errors were found"), std::string::npos) << check.output;
        auto const info = testing::run("qemu-img info -f qcow2 " + path);
        EXPECT_NE(info.output.find("extended l2: true"), std::string::npos) << info.output;
        EXPECT_NE(info.output.find("cluster_size: 131072"), std::string::npos) << info.output;
        EXPECT_NE(info.output.find(fmt::format("({} bytes)", size)), std::string::npos)
            << info.output;
        EXPECT_EQ(info.output.find("backing"), std::string::npos) << info.output;
    }
}

TEST(SlowOverlay, TakesTheSameShortTimeForEverySize)
{
    testing::Folder const folder;
    for (auto const size : {std::uint64_t{1} << 30, kTiB, 64 * kTiB}) {
        auto const start = posix_env().clock.steady();
        for (int i = 0; i < 50; ++i)
            ASSERT_TRUE(
                make_overlay(posix_env().files, folder / fmt::format("{}-{}", size, i), size).ok());
        auto const took = (posix_env().clock.steady() - start) / 50;
        RecordProperty(fmt::format("microseconds_{}", size),
                       fmt::format("{}", took / std::chrono::microseconds(1)));
        fmt::print("an overlay of {} bytes takes {} us\n", size,
                   took / std::chrono::microseconds(1));
    }
}

} // namespace
} // namespace karat::volumes
