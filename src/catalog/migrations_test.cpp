// SPDX-License-Identifier: Apache-2.0
#include "fixture.hpp"
#include "migrations.hpp"
#include "sqlite/sqlite_database.hpp"

#include <chrono>

namespace karat::catalog {
namespace {

struct Migrations : testing::Test {
    MemoryEnv world;
    std::unique_ptr<Database> database = open();
    std::vector<Migration> const two{
        {1, "001_a.sql", "CREATE TABLE a (x TEXT); INSERT INTO a VALUES ('old');"},
        {2, "002_b.sql", "ALTER TABLE a ADD COLUMN y TEXT NOT NULL DEFAULT 'new';"}};

    std::unique_ptr<Database> open()
    {
        return Database::open(world.env(), "m.db", Storage::through_env).value();
    }
    Result<void> migrate_to(std::vector<Migration> const& known)
    {
        return migrate(*database, known, world.clock.now());
    }
    std::vector<std::string> texts(std::string const& query)
    {
        return database->texts({query, {}}).value();
    }
};

TEST_F(Migrations, RunOnceEachInOrder)
{
    ASSERT_TRUE(migrate_to({two[0]}).ok());
    ASSERT_TRUE(migrate_to(two).ok());
    ASSERT_TRUE(migrate_to(two).ok());
    EXPECT_EQ(texts("SELECT x || y FROM a"), std::vector<std::string>{"oldnew"});
    EXPECT_EQ(texts("SELECT name FROM migration ORDER BY number"),
              (std::vector<std::string>{"001_a.sql", "002_b.sql"}));
}

TEST_F(Migrations, ANewerSchemaIsRefused)
{
    ASSERT_TRUE(migrate_to(two).ok());
    auto const outcome = migrate_to({two[0]});
    EXPECT_EQ(outcome.error().fault, Fault::unsupported);
    EXPECT_EQ(outcome.error().message,
              "The catalog's schema is version 2, but this program knows versions up to 1: start a "
              "newer karatd");
}

TEST_F(Migrations, AnEditedOneIsRefused)
{
    ASSERT_TRUE(migrate_to(two).ok());
    auto edited = two;
    edited[0].sql += " ";
    EXPECT_EQ(migrate_to(edited).error().fault, Fault::corrupt);
}

TEST_F(Migrations, AFailedOneLeavesTheSchemaBefore)
{
    auto broken = two;
    broken[1].sql = "CREATE TABLE b (x TEXT); CREATE TABLE a (x TEXT);";
    auto const outcome = migrate_to(broken);
    EXPECT_NE(outcome.error().message.find("002_b.sql"), std::string::npos);
    EXPECT_TRUE(texts("SELECT name FROM sqlite_master WHERE name = 'b'").empty());
    EXPECT_TRUE(migrate_to(two).ok());
}

TEST_F(Migrations, TheReleasedOnesAreNeverEdited)
{
    char const* const sums[] = {"e8c7aa28af53c3112c1e79a481d0fc1280399aaec1604a2a577883ecf2c51838",
                                "d8aa253bdbcb06e4c1fa1847db673b9330fc28562a26fb6baf76421402686dd0",
                                "698d8dbe528193ec97072c963b3299e8e4e6af4d2eb92d9ad797c63450d5ab29"};
    ASSERT_EQ(sqlite_migrations().size(), std::size(sums));
    for (std::size_t i = 0; i < std::size(sums); ++i) {
        EXPECT_EQ(sqlite_migrations()[i].number, static_cast<int>(i) + 1);
        EXPECT_EQ(sha256(sqlite_migrations()[i].sql).text(), sums[i])
            << "Before the first release, put the new checksum here; afterwards, add a migration";
    }
}

// A catalog as the first version wrote it, with a document that lacks everything it may lack.
TEST_F(Migrations, AnOldCatalogOpens)
{
    ASSERT_TRUE(migrate_to({sqlite_migrations()[0]}).ok());
    ASSERT_TRUE(database
                    ->run({"INSERT INTO image (id, region, owner, name, state, doc) VALUES "
                           "('ami-0000000000000000a', '', '111111111111', '', 'pending', :doc)",
                           {bare_document<Image>()}})
                    .ok());
    ASSERT_TRUE(database
                    ->run({"INSERT INTO token (account, region, action, token, expires, doc) "
                           "VALUES ('111111111111', 'r', 'a', 't', 99999999999999, :doc)",
                           {R"({"fingerprint": "f", "outcome": "o"})"}})
                    .ok());
    database.reset();
    auto const catalog = Catalog::open(world.env(), "m.db", Storage::through_env).value();
    auto const found = catalog->read([](View& view) { return view.images({}); }).value();
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].architecture, "x86_64");
    auto const token = catalog->read([](View& view) {
        return view.token(AccountId::parse("111111111111").value(), "r", "a", "t");
    });
    EXPECT_EQ(token.value()->outcome, "o");
    auto const checked = catalog->check().value();
    EXPECT_EQ(checked.damage, std::vector<std::string>());
    EXPECT_EQ(checked.rows, 2u);
}

} // namespace
} // namespace karat::catalog
