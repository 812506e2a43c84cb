// SPDX-License-Identifier: Apache-2.0
// What earlier releases left on disk (README.md) is opened by today's code, and holds what it held.
#include "golden.hpp"
#include "old_data.hpp"
#include "script.hpp"
#include "source_tree.hpp"

#include "karat/log.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace karat::testing {
namespace {

std::string old_file(std::string const& release, std::string const& name)
{
    auto const path = fmt::format("tests/old/{}/{}", release, name);
    EXPECT_TRUE(repository_has(path)) << path;
    return read_repository_file(path);
}

class Old : public ::testing::TestWithParam<std::string> {
protected:
    void SetUp() override { set_log_level(Level::error); }

    /// Compares what a catalog holds with the release's golden.
    void expect_nouns(std::string const& sql, std::string const& golden)
    {
        MemoryEnv world;
        auto const made = make_catalog(world.env(), "catalog.sqlite", old_file(GetParam(), sql));
        ASSERT_TRUE(made.ok()) << made.error().message;
        auto const opened =
            catalog::Catalog::open(world.env(), "catalog.sqlite", catalog::Storage::through_env);
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        auto& catalog = *opened.value();
        auto const nouns = print_nouns(catalog);
        ASSERT_TRUE(nouns.ok()) << nouns.error().message;
        auto const checked = catalog.check();
        ASSERT_TRUE(checked.ok()) << checked.error().message;
        EXPECT_EQ(checked.value().damage, std::vector<std::string>());
        expect_golden(fmt::format("old/{}_{}", GetParam(), golden),
                      fmt::format("{}{} rows\n", nouns.value(), checked.value().rows));
    }
};

TEST_P(Old, CatalogHoldsWhatItHeld) { expect_nouns("catalog.sql", "catalog.txt"); }

TEST_P(Old, CatalogKeepsEveryMember) { expect_nouns("members.sql", "members.txt"); }

/// The whole data directory: nothing is damaged, the tasks that were queued come to an end, and
/// what was there can be used.
TEST_P(Old, DaemonGoesOn)
{
    auto world = World::create(2, [](MemoryEnv& env) -> Result<void> {
        TRY(make_files(env.files, old_file(GetParam(), "files.txt")));
        return make_catalog(env.env(), "/data/catalog.sqlite", old_file(GetParam(), "catalog.sql"));
    });
    ASSERT_TRUE(world.ok()) << world.error().message;
    Script script(std::move(world).value());
    auto const damage = [&] { return script.world().damage().value(); };
    EXPECT_EQ(damage(), std::vector<std::string>());
    std::string printed;
    for (auto const* const call :
         {"tasks", "work", "tasks", "call DescribeImages | name imageState",
          "call DescribeSnapshots | description status encrypted volumeSize",
          "call DescribeInstances | instanceState/name privateIpAddress",
          "call DescribeVolumes | status size encrypted", "call DescribeTags | key value",
          "call GetParameter Name=/aws/service/web/latest | Type",
          "let $web = GetParameter Name=/aws/service/web/latest | Value",
          // The token that the first instance was launched with is known.
          "call RunInstances ImageId=$web InstanceType=t3.nano MinCount=2 MaxCount=2 "
          "ClientToken=one | instanceId",
          "call RunInstances ImageId=$web InstanceType=t3.nano MinCount=1 MaxCount=1 "
          "KeyName=laptop "
          "| instanceState/name",
          "work", "call DescribeInstances | instanceState/name", "store"})
        printed +=
            fmt::format("{}\n----\n{}\n", call, script.run({.head = {call}, .expected = {}}));
    EXPECT_EQ(damage(), std::vector<std::string>());
    expect_golden(fmt::format("old/{}_daemon.txt", GetParam()), printed);
}

TEST_P(Old, StoreHoldsWhatItHeld)
{
    MemoryEnv world;
    auto const made = make_files(world.files, old_file(GetParam(), "store.txt"));
    ASSERT_TRUE(made.ok()) << made.error().message;
    auto const opened = blocks::Store::open(world.env(), "/data/store", {});
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    auto& store = *opened.value();
    auto const report = store.check([](double) { return true; });
    EXPECT_EQ(report.value().damage, std::vector<std::string>());
    std::string text;
    auto const names = store.names();
    for (auto const& name : names.value()) {
        auto const view = store.view(name);
        ASSERT_TRUE(view.ok()) << view.error().message;
        Bytes bytes(4 << 20); // what is written lies within
        ASSERT_TRUE(view.value()->read(0, bytes).ok());
        text += fmt::format("{} of {} bytes over '{}', root {}, reads as {}\n", name,
                            view.value()->facts().size_bytes, view.value()->facts().parent,
                            view.value()->root().text(), sha256(bytes).text());
    }
    auto const stats = store.stats();
    text += fmt::format("{} packs\n", stats.value().packs);
    expect_golden(fmt::format("old/{}_store.txt", GetParam()), text);
}

INSTANTIATE_TEST_SUITE_P(Releases, Old, ::testing::Values("0.1"),
                         [](auto const&) { return "v0_1"; });

} // namespace
} // namespace karat::testing
