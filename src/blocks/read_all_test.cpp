// SPDX-License-Identifier: Apache-2.0
#include "blocks_testing.hpp"

#include <mutex>

namespace karat::blocks {
namespace {

using namespace testing;

/// Data, a hole of 3 MiB, data that ends within a piece.
Bytes sample()
{
    auto volume = text_bytes(5, 9 * kMiB);
    std::ranges::fill(std::span(volume).subspan(4 * kMiB + 8192, 3 * kMiB), std::byte{0});
    return volume;
}

TEST(ReadAll, gives_every_byte_once_and_no_hole)
{
    World world;
    auto const volume = sample();
    ASSERT_TRUE(put(*world.store, "a", volume).ok());
    auto const view = world.store->view("a").value();
    for (int const threads : {1, 4}) {
        Bytes got(volume.size());
        std::vector<int> times(volume.size() / kBlockBytes);
        std::mutex mutex;
        auto const done = read_all(*view, threads, [&](std::uint64_t at, auto bytes) {
            std::scoped_lock const guard(mutex);
            EXPECT_LE(bytes.size(), 2 * kMiB);
            std::ranges::copy(bytes, got.begin() + static_cast<std::ptrdiff_t>(at));
            for (std::size_t i = 0; i < bytes.size(); i += kBlockBytes)
                ++times[(at + i) / kBlockBytes];
            return Result<void>();
        });
        EXPECT_EQ(outcome(done), "ok");
        EXPECT_EQ(got, volume);
        for (std::size_t block = 0; block < times.size(); ++block) {
            bool const hole = block >= 4 * 256 + 2 && block < 7 * 256 + 2;
            ASSERT_EQ(times[block], hole ? 0 : 1) << block << " of " << threads << " threads";
        }
    }
}

TEST(ReadAll, ends_with_the_first_failure)
{
    World world;
    ASSERT_TRUE(put(*world.store, "a", sample()).ok());
    auto const view = world.store->view("a").value();
    int calls = 0;
    auto const full = read_all(*view, 1, [&](std::uint64_t, auto) -> Result<void> {
        ++calls;
        return fail(Fault::io, "The disk is full");
    });
    EXPECT_EQ(outcome(full), "io: The disk is full");
    EXPECT_EQ(calls, 1);
}

TEST(ReadAll, refuses_damage)
{
    World world({.cache_bytes = 0});
    ASSERT_TRUE(put(*world.store, "a", sample()).ok());
    auto const path = "store/packs/" + pack_files(world.memory.files).front();
    {
        auto const file = world.memory.env().files.open(path, Access::write).value();
        ASSERT_TRUE(file->write_at(20000, random_bytes(1, 64)).ok());
    }
    auto const view = world.store->view("a").value();
    auto const done = read_all(*view, 3, [](std::uint64_t, auto) { return Result<void>(); });
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().fault, Fault::corrupt);
}

} // namespace
} // namespace karat::blocks
