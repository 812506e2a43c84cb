// SPDX-License-Identifier: Apache-2.0
#include "blocks_testing.hpp"
#include "staged_format.hpp"

#include "karat/staged.hpp"

#include <map>

namespace karat::blocks {
namespace {

using namespace testing;

constexpr std::size_t kUnit = kStagedUnitBytes;
using Units = std::map<std::uint32_t, Bytes>;

Result<void> put_unit(Store& store, std::string const& name, std::uint32_t index, Bytes const& data,
                      Time when = Time(std::chrono::seconds(5)))
{
    auto const staged = TRY(store.staged().find(name));
    return staged->put({.index = index, .data = data, .sum = sha256(data), .when = when});
}

Result<Committed> commit(Store& store, std::string const& name)
{
    auto const staged = TRY(store.staged().find(name));
    TRY(staged->seal());
    auto committed = TRY(staged->commit({.name = name, .size_bytes = staged->size_bytes()}));
    TRY(store.staged().drop(name));
    return committed;
}

std::string listed(Store& store, std::optional<std::string> const& first, std::string const& second,
                   UnitQuery query = {.from = 0, .limit = 1000})
{
    auto const newer = store.view(second).value();
    auto const older = first ? store.view(*first).value() : nullptr;
    auto const found = changed_units(older.get(), *newer, query).value();
    std::string text;
    for (auto const& one : found.changes)
        text += std::to_string(one.index) + (one.in_first ? "f" : "") + (one.in_second ? "s" : "") +
                " ";
    return found.next ? text + "next " + std::to_string(*found.next) : text;
}

Hash checksum_of(Units const& units)
{
    Sha256 sums;
    for (auto const& [index, data] : units)
        sums.update(sha256(data).bytes);
    return sums.finish();
}

struct Staging : ::testing::Test {
    Staging()
        : world({.pack_bytes = 1 << 20, .threads = 0})
    {
    }
    Store& store() { return *world.store; }
    void begin(std::string const& name, std::uint64_t units,
               std::optional<std::string> const& base = {})
    {
        auto const begun =
            store().staged().begin({.name = name, .size_bytes = units * kUnit}, base);
        ASSERT_TRUE(begun.ok()) << outcome(begun);
    }
    Bytes read(std::string const& name, std::uint32_t index)
    {
        Bytes bytes(kUnit);
        auto const sum = read_unit(*store().view(name).value(), index, bytes);
        EXPECT_EQ(sum.value(), sha256(bytes));
        return bytes;
    }
    World world;
};

TEST_F(Staging, UnitsInAnyOrderMakeASnapshot)
{
    begin("a", 2000);
    Units const units{{0, text_bytes(1, kUnit)},
                      {7, Bytes(kUnit)},
                      {1023, random_bytes(2, kUnit)},
                      {1024, text_bytes(3, kUnit)},
                      {1999, random_bytes(4, kUnit)}};
    ASSERT_TRUE(put_unit(store(), "a", 7, text_bytes(9, kUnit)).ok()); // overwritten below
    for (auto it = units.rbegin(); it != units.rend(); ++it)
        ASSERT_TRUE(put_unit(store(), "a", it->first, it->second).ok());
    auto const sealed = store().staged().find("a").value()->seal().value();
    EXPECT_EQ(sealed.units, units.size());
    EXPECT_EQ(sealed.checksum, checksum_of(units));
    auto const made = commit(store(), "a");
    ASSERT_TRUE(made.ok()) << outcome(made);
    EXPECT_EQ(made.value().full_size_bytes, units.size() * kUnit);
    EXPECT_EQ(listed(store(), {}, "a"), "0s 7s 1023s 1024s 1999s ");
    for (auto const& [index, data] : units)
        EXPECT_EQ(read("a", index), data) << index;
    EXPECT_EQ(read("a", 8), Bytes(kUnit));
    EXPECT_EQ(store().staged().names(), std::vector<std::string>());
    EXPECT_EQ(store().check({}).value().damage, std::vector<std::string>());
}

/// What a put or a commit does to the disk, without the bytes.
std::vector<std::string> doings(World& world, std::function<Result<void>()> const& work)
{
    std::vector<std::string> seen;
    world.memory.files.set_hook([&](std::string_view operation, std::string const& path) {
        seen.push_back(std::string(operation) + " " + path.substr(0, path.find_last_of("/.")));
        return Result<void>();
    });
    auto const worked = work();
    world.memory.files.set_hook({});
    EXPECT_TRUE(worked.ok()) << outcome(worked);
    return seen;
}

// Whoever measures learns nothing of what others have stored.
TEST_F(Staging, DoesTheSameForWhatIsKnownAndWhatIsNew)
{
    auto const known = text_bytes(1, kUnit);
    begin("theirs", 4);
    ASSERT_TRUE(put_unit(store(), "theirs", 0, known).ok());
    ASSERT_TRUE(commit(store(), "theirs").ok());
    auto const bytes_of = [&](std::string const& name, Bytes const& data) {
        auto const before = store().stats().value().pack_bytes;
        begin(name, 4);
        auto const put = doings(world, [&] { return put_unit(store(), name, 0, data); });
        auto const made = doings(world, [&]() -> Result<void> {
            TRY(commit(store(), name));
            return {};
        });
        auto all = put;
        all.insert(all.end(), made.begin(), made.end());
        return std::pair(all, store().stats().value().pack_bytes - before);
    };
    auto const a_known = bytes_of("mine", known);
    auto const a_new = bytes_of("mine2", text_bytes(2, kUnit));
    EXPECT_GT(a_known.first.size(), 8U);
    // The names of the files differ, and have equal lengths but for the last letter.
    auto without_name = [](std::vector<std::string> all) {
        for (auto& one : all)
            if (auto const at = one.find("mine2"); at != std::string::npos)
                one.replace(at, 5, "mine");
        return all;
    };
    EXPECT_EQ(without_name(a_known.first), without_name(a_new.first));
    EXPECT_NEAR(static_cast<double>(a_known.second), static_cast<double>(a_new.second), 2000.0);
    EXPECT_EQ(read("mine", 0), known);
    // The second copies are nobody's: collections free them, and dedup holds.
    std::vector<std::string> const roots{"theirs", "mine", "mine2"};
    world.memory.files.set_capacity_bytes(1 << 20); // with much room, little garbage waits
    ASSERT_TRUE(collect_all(store(), roots).ok());
    EXPECT_LT(store().stats().value().pack_bytes, 2 * a_new.second + 8192);
    EXPECT_EQ(read("mine", 0), known);
    EXPECT_EQ(store().check({}).value().damage, std::vector<std::string>());
}

TEST_F(Staging, OverABaseThatGoes)
{
    begin("a", 4);
    Units units;
    for (std::uint32_t i = 0; i < 3; ++i) {
        units[i] = text_bytes(i, kUnit);
        ASSERT_TRUE(put_unit(store(), "a", i, units[i]).ok());
    }
    ASSERT_TRUE(commit(store(), "a").ok());
    begin("b", 6, "a");
    units[1] = Bytes(kUnit);
    units[5] = random_bytes(5, kUnit);
    ASSERT_TRUE(put_unit(store(), "b", 1, units[1]).ok());
    EXPECT_EQ(store().staged().begin({.name = "b", .size_bytes = kUnit}, {}).error().fault,
              Fault::duplicate);
    ASSERT_TRUE(store().remove("a").ok());
    ASSERT_TRUE(collect_all(store(), {}).ok());
    world.reopen();
    ASSERT_TRUE(put_unit(store(), "b", 5, units[5]).ok());
    ASSERT_TRUE(collect_all(store(), {}).ok());
    world.reopen();
    auto const made = commit(store(), "b");
    ASSERT_TRUE(made.ok()) << outcome(made);
    EXPECT_EQ(listed(store(), {}, "b"), "0s 1s 2s 5s ");
    for (auto const& [index, data] : units)
        EXPECT_EQ(read("b", index), data) << index;
    std::vector<std::string> const roots{"b"};
    auto const collected = collect_all(store(), roots);
    ASSERT_TRUE(collected.ok()) << outcome(collected);
    EXPECT_FALSE(collected.value().halted);
    EXPECT_EQ(store().check({}).value().damage, std::vector<std::string>());
}

TEST_F(Staging, DroppedUnitsAreCollected)
{
    begin("a", 4);
    ASSERT_TRUE(put_unit(store(), "a", 0, random_bytes(1, kUnit)).ok());
    auto const held = store().staged().find("a").value();
    ASSERT_TRUE(store().staged().drop("a").ok());
    ASSERT_TRUE(store().staged().drop("a").ok());
    EXPECT_EQ(held->put({.index = 1, .data = Bytes(kUnit)}).error().fault, Fault::wrong_state);
    ASSERT_TRUE(collect_all(store(), {}).ok());
    EXPECT_EQ(store().stats().value().extents, 0U);
    world.reopen();
    EXPECT_EQ(store().staged().names(), std::vector<std::string>());
    EXPECT_EQ(store().staged().find("a").error().fault, Fault::not_found);
}

TEST_F(Staging, RefusesWhatIsNoUnitAndWhatComesLate)
{
    begin("a", 4);
    EXPECT_EQ(put_unit(store(), "a", 4, Bytes(kUnit)).error().fault, Fault::invalid);
    EXPECT_EQ(put_unit(store(), "a", 0, Bytes(4096)).error().fault, Fault::invalid);
    auto const staged = store().staged().find("a").value();
    ASSERT_TRUE(staged->seal().ok());
    EXPECT_EQ(put_unit(store(), "a", 0, Bytes(kUnit)).error().fault, Fault::wrong_state);
    staged->unseal();
    EXPECT_TRUE(put_unit(store(), "a", 0, Bytes(kUnit)).ok());
    EXPECT_EQ(staged->commit({.name = "b", .size_bytes = 4 * kUnit}).error().fault, Fault::invalid);
    ASSERT_TRUE(commit(store(), "a").ok());
    EXPECT_EQ(store().staged().begin({.name = "a", .size_bytes = kUnit}, {}).error().fault,
              Fault::duplicate);
    Bytes bytes(kUnit);
    EXPECT_EQ(read_unit(*store().view("a").value(), 4, bytes).error().fault, Fault::invalid);
}

TEST_F(Staging, ATornTailGoesAndDamageTakesOneUnit)
{
    begin("a", 8);
    for (std::uint32_t i = 0; i < 4; ++i)
        ASSERT_TRUE(
            put_unit(store(), "a", i, text_bytes(i, kUnit), Time(std::chrono::seconds(i))).ok());
    world.store.reset();
    auto const file = world.memory.files.open("store/staged/a", Access::write).value();
    auto const size = file->size_bytes().value();
    Bytes bytes(size);
    ASSERT_TRUE(read_exactly(*file, 0, bytes).ok());
    auto const second =
        as_text(bytes).find(kStagedRecordMagic, as_text(bytes).find(kStagedRecordMagic) + 1);
    ASSERT_TRUE(file->write_at(second + 30, as_bytes("rot")).ok());
    ASSERT_TRUE(file->write_at(size, as_bytes("KSTG and then the power went")).ok());
    world.reopen();
    auto const staged = store().staged().find("a").value();
    EXPECT_EQ(staged->last_put(), Time(std::chrono::seconds(3)));
    EXPECT_EQ(staged->seal().value().units, 3U);
    EXPECT_EQ(world.memory.files.open("store/staged/a", Access::read).value()->size_bytes().value(),
              size);
    staged->unseal();
    ASSERT_TRUE(put_unit(store(), "a", 1, text_bytes(1, kUnit)).ok());
    EXPECT_EQ(staged->seal().value().units, 4U);
}

TEST_F(Staging, ADamagedHeadIsLeftAlone)
{
    begin("a", 8);
    world.store.reset();
    auto const file = world.memory.files.open("store/staged/a", Access::write).value();
    ASSERT_TRUE(file->write_at(20, as_bytes("rot")).ok());
    world.reopen();
    EXPECT_EQ(store().staged().names(), std::vector<std::string>());
    EXPECT_TRUE(world.memory.files.exists("store/staged/a").value());
    EXPECT_EQ(store().staged().begin({.name = "a", .size_bytes = kUnit}, {}).error().fault,
              Fault::duplicate);
}

TEST_F(Staging, ListsWhatDiffers)
{
    auto volume = text_bytes(1, 4 * kUnit);
    ASSERT_TRUE(put(store(), "a", volume).ok());
    auto const increment = [&](std::string const& name, std::string const& base, Range range,
                               std::uint64_t seed) {
        auto ingest = store().begin({.name = name, .size_bytes = volume.size()}, base).value();
        auto const data = random_bytes(seed, range.length_bytes);
        ASSERT_TRUE(seed == 0 ? ingest->zero(range).ok()
                              : ingest->write(range.offset_bytes, data).ok());
        ASSERT_TRUE(ingest->commit().ok());
    };
    increment("b", "a", {kUnit + 8192, 4096}, 7);
    increment("c", "b", {2 * kUnit, kUnit}, 0);
    increment("d", "c", {2 * kUnit + 4096, 4096}, 8);
    EXPECT_EQ(listed(store(), {}, "a"), "0s 1s 2s 3s ");
    EXPECT_EQ(listed(store(), "a", "b"), "1fs ");
    EXPECT_EQ(listed(store(), "a", "c"), "1fs 2f ");
    EXPECT_EQ(listed(store(), "c", "a"), "1fs 2s ");
    EXPECT_EQ(listed(store(), "c", "d"), "2s ");
    EXPECT_EQ(listed(store(), "b", "b"), "");
    EXPECT_EQ(listed(store(), {}, "a", {.from = 1, .limit = 2}), "1s 2s next 3");
    EXPECT_EQ(listed(store(), "a", "d", {.from = 0, .limit = 1}), "1fs next 2");
}

TEST_F(Staging, LooksIntoABoundedPartOfTheMaps)
{
    constexpr std::uint32_t kPages = 40;
    begin("a", kPages * kPageUnits);
    begin("b", kPages * kPageUnits);
    for (std::uint32_t page = 0; page < kPages; ++page)
        ASSERT_TRUE(put_unit(store(), "a", page * kPageUnits + 5, text_bytes(page, kUnit)).ok());
    ASSERT_TRUE(commit(store(), "a").ok());
    ASSERT_TRUE(commit(store(), "b").ok());
    std::uint32_t from = 0;
    std::size_t found = 0;
    int calls = 0;
    for (bool more = true; more; ++calls) {
        auto const part = changed_units(store().view("b").value().get(), *store().view("a").value(),
                                        {.from = from, .limit = 1000})
                              .value();
        found += part.changes.size();
        more = part.next.has_value();
        from = part.next.value_or(0);
    }
    EXPECT_EQ(found, kPages);
    EXPECT_EQ(calls, 3); // sixteen pages a call
}

TEST(StagedFormat, RecordsAreTiedToTheirPlace)
{
    StagedRecord const record{.index = 9,
                              .when = Time(std::chrono::milliseconds(77)),
                              .sum = sha256("unit"),
                              .slices = {{.start = 0, .blocks = 3, .hash = sha256("a")},
                                         {.start = 100, .blocks = 28, .hash = sha256("b")}}};
    auto const bytes = encode_staged_record(record, 4242);
    std::size_t size = 0;
    auto const read = decode_staged_record(bytes, 4242, size);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(size, bytes.size());
    EXPECT_EQ(read->index, record.index);
    EXPECT_EQ(read->when, record.when);
    EXPECT_EQ(read->sum, record.sum);
    EXPECT_EQ(read->slices[1].hash, record.slices[1].hash);
    EXPECT_FALSE(decode_staged_record(bytes, 4243, size).has_value());
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        auto spoilt = bytes;
        spoilt[at] ^= std::byte{1};
        EXPECT_FALSE(decode_staged_record(spoilt, 4242, size).has_value()) << at;
    }
    EXPECT_FALSE(
        decode_staged_record(std::span(bytes).first(bytes.size() - 1), 4242, size).has_value());
}

} // namespace
} // namespace karat::blocks
