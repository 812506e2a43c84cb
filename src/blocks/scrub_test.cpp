// SPDX-License-Identifier: Apache-2.0
// A scrub reads all there is, goes on after a restart, and names what it finds.
#include "blocks_testing.hpp"
#include "scrub.hpp"

namespace karat::blocks {
namespace {

using namespace testing;

/// Writes over the middle of a pack. How long a pack is depends on which thread came first: one
/// that was left early for a long record can end below any place that is fixed.
void rot(World& world, std::string const& pack)
{
    auto const file = world.memory.files.open("store/packs/" + pack, Access::write).value();
    auto const middle = file->size_bytes().value() / 2;
    ASSERT_TRUE(file->write_at(middle, as_bytes("rot in the midst of a record")).ok());
}

TEST(Scrub, GoesOnWhereItWas)
{
    World world({.pack_bytes = 256 * kKiB, .threads = 1});
    ASSERT_TRUE(put(*world.store, "a", random_bytes(1, 2 * kMiB)).ok());
    auto const packs = pack_files(world.memory.files).size();
    ASSERT_GT(packs, 6U);
    auto const first = world.store->scrub({.progress = [](double share) { return share < 0.4; }});
    EXPECT_FALSE(first.value().finished);
    EXPECT_LT(first.value().bytes, kMiB + 300 * kKiB);
    world.reopen();
    std::vector<double> shares;
    auto const rest = world.store->scrub({.progress = [&](double share) {
        shares.push_back(share);
        return true;
    }});
    EXPECT_TRUE(rest.value().finished);
    EXPECT_LT(shares.size(), packs);
    EXPECT_GT(shares.front(), 0.4);
    EXPECT_EQ(shares.back(), 1.0);
    EXPECT_GE(rest.value().bytes, 2 * kMiB); // of the whole round
    EXPECT_TRUE(rest.value().damage.empty());
}

TEST(Scrub, NamesThePackAndTheSnapshotsHit)
{
    World world({.pack_bytes = 256 * kKiB, .threads = 2});
    auto const volume = random_bytes(1, kMiB);
    ASSERT_TRUE(put(*world.store, "a", volume).ok());
    ASSERT_TRUE(put(*world.store, "b", random_bytes(2, kMiB)).ok());
    ASSERT_TRUE(put(*world.store, "c", volume).ok());
    auto const pack = pack_files(world.memory.files)[1];
    rot(world, pack);
    auto const report = world.store->scrub({}).value();
    std::string all;
    for (auto const& one : report.damage)
        all += one + "\n";
    EXPECT_NE(all.find(pack), std::string::npos) << all;
    EXPECT_NE(all.find("'a'"), std::string::npos) << all;
    EXPECT_NE(all.find("'c'"), std::string::npos) << all;
    EXPECT_EQ(all.find("'b'"), std::string::npos) << all;
    EXPECT_EQ(world.store->check({}).value().damage, report.damage);
}

TEST(Scrub, RemembersDamageOfTheRoundOverARestart)
{
    World world({.pack_bytes = 256 * kKiB, .threads = 1});
    ASSERT_TRUE(put(*world.store, "a", random_bytes(1, 2 * kMiB)).ok());
    rot(world, pack_files(world.memory.files)[0]);
    ASSERT_FALSE(world.store->scrub({.progress = [](double) { return false; }}).value().finished);
    world.reopen();
    auto const report = world.store->scrub({}).value();
    EXPECT_TRUE(report.finished);
    EXPECT_FALSE(report.damage.empty());
    auto const file = world.memory.files.open("store/scrub", Access::write).value();
    ASSERT_TRUE(file->write_at(20, as_bytes("rot")).ok());
    EXPECT_TRUE(world.store->scrub({}).value().finished); // a round of its own
}

TEST(Scrub, CursorSurvivesEncoding)
{
    ScrubCursor const cursor{7, "then", "before", 99, {"one thing", "another"}};
    auto const text = encode_cursor(cursor);
    auto const back = decode_cursor(text).value();
    EXPECT_EQ(back.pack, 7U);
    EXPECT_EQ(back.began, "then");
    EXPECT_EQ(back.done, "before");
    EXPECT_EQ(back.bytes, 99U);
    EXPECT_EQ(back.damage, cursor.damage);
    for (std::size_t size = 0; size < text.size(); ++size)
        EXPECT_FALSE(decode_cursor(std::string_view(text).substr(0, size)).ok()) << size;
    for (std::size_t at = 0; at < text.size(); ++at) {
        auto flipped = text;
        flipped[at] = static_cast<char>(flipped[at] ^ 1);
        EXPECT_FALSE(decode_cursor(flipped).ok()) << at;
    }
}

} // namespace
} // namespace karat::blocks
