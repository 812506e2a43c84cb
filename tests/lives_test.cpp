// SPDX-License-Identifier: Apache-2.0
// Random lives of a whole Karat, with faults, power cuts and restarts in between: at the end of
// each, what must always hold does. KARAT_SEEDS="FROM COUNT" says which ones.
#include "lives/life.hpp"

#include "karat/log.hpp"

#include <cstdlib>
#include <gtest/gtest.h>
#include <sstream>

namespace karat::testing {
namespace {

constexpr int kSteps = 60;

struct Seeds {
    std::uint64_t from = 1;
    std::uint64_t count = 20;
};

Seeds wanted_seeds()
{
    Seeds seeds;
    if (auto const* const text = std::getenv("KARAT_SEEDS"))
        std::istringstream(text) >> seeds.from >> seeds.count;
    return seeds;
}

TEST(Lives, EndWithEverythingInOrder)
{
    set_log_level(static_cast<Level>(static_cast<int>(Level::error) + 1));
    auto const seeds = wanted_seeds();
    for (auto seed = seeds.from; seed < seeds.from + seeds.count; ++seed) {
        auto life = Life::begin(seed);
        ASSERT_TRUE(life.ok()) << life.error().message;
        life.value()->live(kSteps);
        auto const& complaints = life.value()->complaints();
        for (auto const& complaint : complaints)
            ADD_FAILURE() << complaint;
        if (std::getenv("KARAT_STEPS") != nullptr)
            std::fputs(life.value()->last_steps().c_str(), stdout);
    }
    set_log_level(Level::info);
}

} // namespace
} // namespace karat::testing
