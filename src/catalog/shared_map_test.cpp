// SPDX-License-Identifier: Apache-2.0
#include "shared_map.hpp"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <string>
#include <thread>

namespace karat::catalog {
namespace {

using Map = SharedMap<std::string, int>;
using Model = std::map<std::string, int>;

void expect_same(Map const& map, Model const& model)
{
    ASSERT_EQ(map.size(), model.size());
    auto at = map.begin();
    for (auto const& [key, value] : model) {
        ASSERT_EQ(at->first, key);
        ASSERT_EQ(at->second, value);
        ++at;
    }
    ASSERT_TRUE(at == map.end());
}

TEST(SharedMap, IsAMapThroughRandomEditsAndItsOldCopiesStay)
{
    std::mt19937 chance(1);
    Map map;
    Model model;
    std::vector<std::pair<Map, Model>> copies;
    for (std::uint64_t round = 1; round <= 200; ++round) {
        for (int i = 0; i < 60; ++i) {
            auto const key = std::to_string(chance() % 3000);
            if (chance() % 3 == 0) {
                map.erase(Edit{round}, key);
                model.erase(key);
            } else {
                map.set(Edit{round}, key, static_cast<int>(round));
                model[key] = static_cast<int>(round);
            }
            auto const sought = std::to_string(chance() % 3000);
            auto const* const found = map.find(sought);
            auto const expected = model.find(sought);
            ASSERT_EQ(found != nullptr, expected != model.end());
            ASSERT_TRUE(found == nullptr || *found == expected->second);
            auto const bound = map.lower_bound(sought);
            auto const model_bound = model.lower_bound(sought);
            ASSERT_EQ(bound == map.end(), model_bound == model.end());
            ASSERT_TRUE(bound == map.end() || bound->first == model_bound->first);
        }
        if (round % 20 == 0)
            copies.emplace_back(map, model);
    }
    for (auto const& [copy, expected] : copies)
        expect_same(copy, expected);
    for (auto const& [key, value] : Model(model))
        map.erase(Edit{1000}, key);
    EXPECT_EQ(map.size(), 0u);
    expect_same(copies.back().first, copies.back().second);
}

TEST(SharedMap, GrowsAtItsEndWithFullChunks)
{
    SharedMap<int, int> map;
    for (int i = 0; i < 10'000; ++i)
        map.set(Edit{1}, i, i);
    int expected = 0;
    for (auto const& [key, value] : map)
        EXPECT_EQ(key, expected++);
    EXPECT_EQ(expected, 10'000);
}

TEST(SharedMap, ReadersKeepTheirCopyWhileAWriterEdits)
{
    SharedMap<int, std::string> map;
    for (int i = 0; i < 1000; ++i)
        map.set(Edit{1}, i, "old");
    auto const copy = map;
    std::jthread const writer([edited = map]() mutable {
        for (int i = 0; i < 1000; ++i)
            *edited.edit(Edit{2}, i) = "new";
    });
    for (auto const& [key, value] : copy)
        EXPECT_EQ(value, "old");
}

} // namespace
} // namespace karat::catalog
