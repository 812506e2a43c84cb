// SPDX-License-Identifier: Apache-2.0
// The promise of the door, "durable when it returns, whole or not at all", against a disk that
// fails: the power is cut before every single operation on it, and every operation fails once.
#include "fixture.hpp"

#include <algorithm>
#include <new>
#include <sqlite3.h>

namespace karat::catalog {
namespace {

constexpr int kChanges = 4;
constexpr char const* kPath = "data/catalog.db";

/// What the n-th change saves; made once, because a thousand trials want it.
template <class Thing>
Thing const& nth(int n)
{
    static std::vector<Thing> const all = [] {
        std::vector<Thing> made;
        for (std::uint64_t seed = 1; seed <= kChanges + 1; ++seed)
            made.push_back(sample<Thing>(seed));
        return made;
    }();
    return all.at(static_cast<std::size_t>(n));
}

/// A world, the changes that were tried in it, and those that were acknowledged.
struct Trial {
    MemoryEnv world;
    int tried = 0;
    std::vector<int> acknowledged;
    int operations = 0; // that the disk was asked for

    Trial() { VERIFY(world.files.make_dirs("data").ok()); }
    /// Begins with the given database file, for not making the schema anew a thousand times.
    explicit Trial(Bytes const& database)
        : Trial()
    {
        VERIFY(replace_file(world.files, kPath, database).ok());
    }

    /// Calls `decide` with the number of each operation that changes the disk, or of each at all.
    void on_operation(bool reads_too, std::function<Result<void>(int)> const& decide)
    {
        operations = 0;
        world.files.set_hook([=, this](std::string_view operation, std::string const&) {
            if (operation == "read" && !reads_too)
                return Result<void>();
            return decide(operations++);
        });
    }
    void heal() { world.files.set_hook({}); }

    Result<std::unique_ptr<Catalog>> open()
    {
        return Catalog::open(world.env(), kPath, Storage::through_env);
    }

    /// One change: two things that must come and go together, and a task.
    Result<void> change(Catalog& catalog, int n)
    {
        tried = std::max(tried, n + 1);
        auto outcome = catalog.change(kActor, [&](Change& change) -> Result<void> {
            TRY(change.save(nth<Image>(n)));
            TRY(change.save(nth<Snapshot>(n)));
            TRY(change.enqueue(sample<Task>()));
            return {};
        });
        if (outcome.ok())
            acknowledged.push_back(n);
        return outcome;
    }

    /// Opens, changes, closes, opens again, changes: so that recovery and the log's transfer into
    /// the database are cut as well. Goes on after failures, as a daemon does.
    void run()
    {
        for (int session = 0; session < 2; ++session) {
            auto catalog = open();
            if (!catalog.ok())
                continue;
            for (int n = 0; n < kChanges / 2; ++n)
                (void)change(*catalog.value(), session * kChanges / 2 + n).ok();
        }
    }
};

/// What must hold whatever happened; returns the number of changes found.
int expect_whole(Trial& trial, Catalog& catalog, std::string const& when)
{
    int found = 0;
    for (int n = 0; n < trial.tried; ++n) {
        auto const image =
            catalog.read([&](View& view) { return view.image(nth<Image>(n).id); }).value();
        auto const snapshot =
            catalog.read([&](View& view) { return view.snapshot(nth<Snapshot>(n).id); }).value();
        EXPECT_EQ(image.has_value(), snapshot.has_value()) << when << ": half of change " << n;
        found += image.has_value() ? 1 : 0;
        auto const is_acknowledged = std::ranges::count(trial.acknowledged, n) > 0;
        EXPECT_TRUE(image.has_value() || !is_acknowledged) << when << ": lost change " << n;
        EXPECT_TRUE(!image || image->tags == nth<Image>(n).tags) << when;
    }
    auto const tasks = catalog.read([](View& view) { return view.open_tasks(); }).value();
    EXPECT_EQ(static_cast<int>(tasks.size()), found) << when;
    return found;
}

/// Reopens, checks, builds on what was found, and cuts the power again: what recovery showed must
/// have become as durable as what is built upon it.
void expect_recovers(Trial& trial, std::string const& when)
{
    {
        auto const catalog = trial.open();
        ASSERT_TRUE(catalog.ok()) << when << ": " << catalog.error().message;
        expect_whole(trial, *catalog.value(), when);
        ASSERT_TRUE(trial.change(*catalog.value(), kChanges).ok()) << when;
        trial.world.files.crash();
    }
    auto const catalog = trial.open();
    ASSERT_TRUE(catalog.ok()) << when << ": " << catalog.error().message;
    expect_whole(trial, *catalog.value(), when + ", and again");
}

/// A database file with the schema and nothing in it.
Bytes empty_catalog()
{
    Trial trial;
    VERIFY(trial.open().ok());
    return read_file(trial.world.files, kPath, 1 << 24).value();
}

/// How many operations an undisturbed run needs.
int operations_of_a_run(Bytes const& database, bool reads_too)
{
    Trial trial(database);
    trial.on_operation(reads_too, [](int) { return Result<void>(); });
    trial.run();
    EXPECT_EQ(trial.acknowledged.size(), static_cast<std::size_t>(kChanges));
    return trial.operations;
}

/// Which of the unsynced writes a power cut spares: the hardest case, and one of the others.
struct Mercy {
    char const* name;
    std::function<bool()> keep;
};

std::vector<Mercy> mercies(int cut, SeededChance& chance)
{
    auto const at_random = [&chance] { return chance.flip(); };
    Mercy const none{"none", [] { return false; }};
    return cut % 4 == 0 ? std::vector<Mercy>{none, {"all", [] { return true; }}}
                        : std::vector<Mercy>{none, {"some", at_random}};
}

/// Cuts the power at the given operation of `work`, and before all that follow.
void cut_power(Trial& trial, int cut, Mercy const& mercy, std::function<void(Trial&)> const& work)
{
    trial.on_operation(false, [=](int n) {
        return n < cut ? Result<void>() : fail(Fault::io, "the power is cut");
    });
    work(trial);
    trial.world.files.crash(mercy.keep);
    trial.heal();
    expect_recovers(trial,
                    "cut before operation " + std::to_string(cut) + " sparing " + mercy.name);
}

TEST(SlowPower, MayBeCutBeforeAnyOperation)
{
    auto const database = empty_catalog();
    auto const operations = operations_of_a_run(database, false);
    EXPECT_GT(operations, 50);
    for (int cut = 0; cut <= operations; ++cut) {
        SeededChance chance(static_cast<std::uint64_t>(cut));
        for (auto const& mercy : mercies(cut, chance)) {
            Trial trial(database);
            cut_power(trial, cut, mercy, [](Trial& it) { it.run(); });
            if (testing::Test::HasFailure())
                return;
        }
    }
}

TEST(SlowPower, MayBeCutWhileTheCatalogIsMade)
{
    Trial undisturbed;
    undisturbed.on_operation(false, [](int) { return Result<void>(); });
    ASSERT_TRUE(undisturbed.open().ok());
    EXPECT_GT(undisturbed.operations, 20);
    for (int cut = 0; cut <= undisturbed.operations; ++cut) {
        SeededChance chance(static_cast<std::uint64_t>(cut));
        Trial trial;
        auto const all = mercies(cut, chance);
        cut_power(trial, cut, all[static_cast<std::size_t>(cut) % all.size()],
                  [](Trial& it) { (void)it.open().ok(); });
        if (testing::Test::HasFailure())
            return;
    }
}

TEST(SlowDisk, MayFailAnyOperationOnce)
{
    auto const database = empty_catalog();
    auto const operations = operations_of_a_run(database, true);
    for (int failing = 0; failing <= operations; ++failing) {
        Trial trial(database);
        trial.on_operation(true, [=](int n) {
            return n != failing ? Result<void>() : fail(Fault::io, "this one failed");
        });
        trial.run();
        if (failing % 2 == 1)
            trial.world.files.crash();
        trial.heal();
        expect_recovers(trial, "failed operation " + std::to_string(failing));
        if (testing::Test::HasFailure())
            return;
    }
}

TEST(Disk, AFailedSyncStopsChangesButNotReading)
{
    Trial trial;
    auto catalog = trial.open().value();
    ASSERT_TRUE(trial.change(*catalog, 0).ok());
    trial.world.files.set_hook([](std::string_view operation, std::string const&) {
        return operation == "sync" ? fail(Fault::io, "lost") : Result<void>();
    });
    EXPECT_EQ(trial.change(*catalog, 1).error().fault, Fault::io);
    trial.heal();
    auto const refused = trial.change(*catalog, 2);
    EXPECT_EQ(refused.error().fault, Fault::io);
    EXPECT_NE(refused.error().message.find("restarted"), std::string::npos);
    EXPECT_EQ(catalog->take_task("h", std::chrono::seconds(1)).error().fault, Fault::io);
    EXPECT_EQ(expect_whole(trial, *catalog, "after the failure"), 1);
    catalog.reset();
    expect_recovers(trial, "after the restart");
}

TEST(Memory, MayBeWantingForAnyOperationOfACommit)
{
    Trial trial;
    auto catalog = trial.open().value();
    int wanting = 0;
    for (bool reached = true; reached; ++wanting) {
        reached = false;
        int at = 0;
        trial.world.files.set_hook([&](std::string_view, std::string const&) -> Result<void> {
            if (at++ != wanting)
                return {};
            reached = true;
            throw std::bad_alloc();
        });
        auto const outcome = trial.change(*catalog, 0);
        trial.heal();
        if (reached) {
            ASSERT_FALSE(outcome.ok()) << wanting;
            EXPECT_EQ(outcome.error().fault, Fault::unavailable) << outcome.error().message;
        }
        auto const next = trial.change(*catalog, 1);
        ASSERT_TRUE(next.ok()) << next.error().message;
    }
    EXPECT_GT(wanting, 3);
}

/// SQLite's own memory. The limit is the process's.
TEST(Memory, MayBeWantingForSqlite)
{
    Trial trial;
    auto catalog = trial.open().value();
    ASSERT_TRUE(trial.change(*catalog, 0).ok());
    int failed = 0;
    for (int kept = 0; kept < 32 << 10; kept += 64) {
        sqlite3_hard_heap_limit64(sqlite3_memory_used() + kept + 1);
        auto const outcome = trial.change(*catalog, 0);
        sqlite3_hard_heap_limit64(0);
        if (!outcome.ok()) {
            ++failed;
            EXPECT_EQ(outcome.error().fault, Fault::unavailable) << outcome.error().message;
        }
        auto const next = trial.change(*catalog, 1);
        ASSERT_TRUE(next.ok()) << kept << ": " << next.error().message;
    }
    EXPECT_GT(failed, 3);
}

TEST(Disk, WhenFullRefusesAndGoesOnWhenThereIsSpace)
{
    Trial trial;
    auto catalog = trial.open().value();
    ASSERT_TRUE(trial.change(*catalog, 0).ok());
    auto const free = trial.world.files.free_bytes("data").value();
    trial.world.files.set_capacity_bytes((std::uint64_t{1} << 40) - free + 6000);
    auto const outcome = trial.change(*catalog, 1);
    EXPECT_EQ(outcome.error().fault, Fault::full);
    EXPECT_EQ(outcome.error().message, "The disk is full: the catalog cannot keep the change");
    EXPECT_EQ(expect_whole(trial, *catalog, "while full"), 1);
    trial.world.files.set_capacity_bytes(std::uint64_t{1} << 40);
    EXPECT_TRUE(trial.change(*catalog, 2).ok());
    EXPECT_EQ(expect_whole(trial, *catalog, "with space"), 2);
    trial.world.files.crash();
    catalog.reset();
    expect_recovers(trial, "after the power cut");
}

} // namespace
} // namespace karat::catalog
