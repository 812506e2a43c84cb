// SPDX-License-Identifier: Apache-2.0
// One test for each tests/api/*.test. With KARAT_BLESS=1 the files are rewritten with what was
// printed; the diff is the review.
#include "golden.hpp"
#include "script.hpp"
#include "source_tree.hpp"

#include "karat/log.hpp"

#include <algorithm>
#include <filesystem>
#include <gtest/gtest.h>

namespace karat::testing {
namespace {

std::vector<std::string> test_files()
{
    std::vector<std::string> names;
    for (auto const& entry :
         std::filesystem::directory_iterator(std::string(KARAT_SOURCE_DIR) + "/tests/api"))
        if (entry.path().extension() == ".test")
            names.push_back(entry.path().stem().string());
    std::ranges::sort(names);
    return names;
}

class TextTest : public ::testing::TestWithParam<std::string> {};

TEST_P(TextTest, Prints)
{
    set_log_level(Level::error);
    auto const path = "tests/api/" + GetParam() + ".test";
    auto world = World::create(1);
    ASSERT_TRUE(world.ok()) << world.error().message;
    Script script(std::move(world).value());
    auto blocks = parse_blocks(read_repository_file(path));
    for (auto& block : blocks) {
        auto const printed = script.run(block);
        if (!blessing()) {
            ASSERT_EQ(printed, block.expected) << path << ": " << block.head.back();
        }
        block.expected = printed;
    }
    if (blessing())
        write_repository_file(path, print_blocks(blocks));
    script.world().heal();
    auto const damage = script.world().damage();
    ASSERT_TRUE(damage.ok()) << damage.error().message;
    for (auto const& sentence : damage.value())
        ADD_FAILURE() << "after " << path << ": " << sentence;
}

INSTANTIATE_TEST_SUITE_P(Api, TextTest, ::testing::ValuesIn(test_files()),
                         [](auto const& one) { return one.param; });

TEST(ScriptText, ReadsBackAsItWasWritten)
{
    for (auto const& name : test_files()) {
        auto const text = read_repository_file("tests/api/" + name + ".test");
        EXPECT_EQ(print_blocks(parse_blocks(text)), text) << name;
    }
}

} // namespace
} // namespace karat::testing
