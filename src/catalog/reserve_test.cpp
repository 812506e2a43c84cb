// SPDX-License-Identifier: Apache-2.0
#include "reserve.hpp"

#include "karat/memory_env.hpp"

#include <gtest/gtest.h>

namespace karat::catalog {
namespace {

struct ReserveTest : testing::Test {
    MemoryEnv world;
    Reserve reserve{world.env(), "catalog.db"};

    std::size_t parts()
    {
        std::size_t count = 0;
        for (auto const& [path, bytes] : world.files.contents())
            count += path.find(".reserve-") != std::string::npos ? 1 : 0;
        return count;
    }
};

TEST_F(ReserveTest, IsGivenUpPartByPartAndMadeAgain)
{
    reserve.fill();
    ASSERT_EQ(parts(), 4U);
    auto const used = (std::uint64_t{1} << 40) - world.files.free_bytes(".").value();
    EXPECT_EQ(used, Reserve::kParts * Reserve::kPartBytes);
    reserve.give_up_if_full();
    EXPECT_EQ(parts(), 4U); // there is room
    world.files.set_capacity_bytes(used);
    reserve.give_up_if_full();
    EXPECT_EQ(parts(), 3U);
    EXPECT_EQ(world.files.free_bytes(".").value(), Reserve::kPartBytes);
    reserve.give_up_if_full();
    EXPECT_EQ(parts(), 3U); // that was enough
    world.clock.advance(std::chrono::minutes(2));
    reserve.fill();
    EXPECT_EQ(parts(), 3U); // not while the disk is nearly full
    for (auto const more : {true, true, true, false})
        EXPECT_EQ(reserve.give_up(), more);
    world.files.set_capacity_bytes(std::uint64_t{1} << 40);
    world.clock.advance(std::chrono::minutes(2));
    reserve.fill();
    EXPECT_EQ(parts(), 4U);
}

} // namespace
} // namespace karat::catalog
