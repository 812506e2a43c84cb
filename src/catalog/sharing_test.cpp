// SPDX-License-Identifier: Apache-2.0
// Two catalogs over one database of PostgreSQL.
#include "fixture.hpp"
#include "postgres/sqlstates.hpp"
#include "testing/cutting_proxy.hpp"

#include <set>

namespace karat::catalog {
namespace {

struct Sharing : Fixture {
    std::unique_ptr<Catalog> other;

    void SetUp() override
    {
        if (PostgresServer::programs().empty())
            GTEST_SKIP() << "postgresql-15 is not installed";
        where = PostgresServer::shared().fresh();
        reopen();
        other = Catalog::open(world.env(), where, Storage::native).value();
    }
    Result<void> save_by_other(auto const& thing)
    {
        return other->change(kActor, [&](Change& change) { return change.save(thing); });
    }
    Result<void> run_sql(std::string const& statements)
    {
        return Database::open(world.env(), where, Storage::native).value()->run_script(statements);
    }
};

auto has(Catalog& catalog, ImageId const& id)
{
    return [&catalog, id] {
        return catalog.read([&](View& view) { return view.image(id); }).value().has_value();
    };
}

Image free_image(std::uint64_t seed, std::string const& name)
{
    auto image = sample<Image>(seed);
    image.owner = sample<Image>(1).owner;
    image.region = "us-east-1";
    image.name = name;
    return image;
}

TEST_F(Sharing, OnesWritesAreSeenByTheOther)
{
    auto image = free_image(1, "web");
    ASSERT_TRUE(save(image).ok());
    EXPECT_TRUE(becomes_true(has(*other, image.id)));
    image.description = "changed by the other";
    ASSERT_TRUE(save_by_other(image).ok());
    EXPECT_TRUE(becomes_true(
        [&] { return ask(&View::image, image.id)->description == image.description; }));
    auto const removed = catalog->change(kActor, [&](Change& it) { return it.remove(image.id); });
    ASSERT_TRUE(removed.ok());
    EXPECT_TRUE(becomes_true([&] { return !has(*other, image.id)(); }));
    EXPECT_EQ(other->check().value().damage, std::vector<std::string>());
}

TEST_F(Sharing, TokensAreSeenToo)
{
    auto const account = sample<Account>().id;
    auto const token = std::string(R"(a"b\c, {d})");
    auto const expires = world.clock.now() + std::chrono::hours(1);
    auto const kept = catalog->change(kActor, [&](Change& change) {
        return change.save_token(account, "r", "Run", token, {"f", "o"}, expires);
    });
    ASSERT_TRUE(kept.ok());
    auto const seen = [&] {
        return other->read([&](View& view) { return view.token(account, "r", "Run", token); })
            .value()
            .has_value();
    };
    EXPECT_TRUE(becomes_true(seen));
    world.clock.advance(std::chrono::hours(2));
    ASSERT_TRUE(catalog->change(kActor, [](Change& it) { return it.remove_history({}); }).ok());
    auto const database = Database::open(world.env(), where, Storage::native).value();
    EXPECT_EQ(database->number({"SELECT count(*) FROM token", {}}).value(), 0);
}

TEST_F(Sharing, NamesAreUniqueBetweenThem)
{
    for (std::uint64_t i = 1; i < 20; i += 2) {
        auto const name = "web-" + std::to_string(i);
        ASSERT_TRUE(save(free_image(i, name)).ok());
        auto const outcome = save_by_other(free_image(i + 1, name)); // it has not heard of it yet
        EXPECT_EQ(outcome.error().fault, Fault::duplicate);
    }
}

/// Counts up, takes the lowest number that nobody has, and makes a task.
Result<void> count_and_take(Change& change, Parameter const& counter, std::string& taken)
{
    auto parameter = TRY(change.parameter(all_of(counter), counter.name));
    ++parameter->version;
    TRY(change.save(*parameter));
    auto place = counter;
    for (int number = 0;; ++number) {
        place.name = "/place/" + std::to_string(number);
        if (!TRY(change.parameter(all_of(place), place.name)))
            break;
    }
    TRY(change.save(place));
    taken = place.name;
    TRY(change.enqueue(sample<Task>()));
    return {};
}

TEST_F(Sharing, CountersAndAddressesDoNotCollide)
{
    constexpr int kThreads = 3;
    constexpr int kRounds = 15;
    auto counter = sample<Parameter>();
    counter.version = 0;
    ASSERT_TRUE(save(counter).ok());
    auto const counted = [&](Catalog& one) {
        return one.read([&](View& view) { return view.parameter(all_of(counter), counter.name); })
            .value();
    };
    ASSERT_TRUE(becomes_true([&] { return counted(*other).has_value(); }));
    std::array<std::vector<std::string>, 2 * kThreads> taken;
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < taken.size(); ++i)
            threads.emplace_back([&, i] {
                auto& one = i % 2 == 0 ? *catalog : *other;
                for (int round = 0; round < kRounds; ++round) {
                    std::string place;
                    auto const outcome = one.change(kActor, [&](Change& change) {
                        return count_and_take(change, counter, place);
                    });
                    EXPECT_TRUE(outcome.ok()) << outcome.error().message;
                    taken[i].push_back(place);
                }
            });
    }
    constexpr int kAll = 2 * kThreads * kRounds;
    std::set<std::string> places;
    for (auto const& some : taken)
        places.insert(some.begin(), some.end());
    EXPECT_EQ(places.size(), kAll);
    for (auto* const one : {catalog.get(), other.get()}) {
        EXPECT_TRUE(becomes_true([&] { return counted(*one)->version == kAll; }));
    }
    reopen();
    EXPECT_EQ(ask(&View::open_tasks).size(), kAll);
    EXPECT_EQ(catalog->check().value().damage, std::vector<std::string>());
}

TEST_F(Sharing, ATaskIsTakenByOneOfThem)
{
    std::atomic<int> woken = 0;
    other->on_task([&] { ++woken; });
    auto const id =
        catalog->change(kActor, [](Change& change) { return change.enqueue(sample<Task>()); });
    ASSERT_TRUE(id.ok());
    EXPECT_TRUE(becomes_true([&] { return woken > 0; }));
    world.clock.advance(std::chrono::hours(24 * 365 * 20)); // a sample may want to wait
    auto const lease = std::chrono::minutes(1);
    auto const first = other->take_task("other", lease).value();
    ASSERT_TRUE(first);
    EXPECT_FALSE(catalog->take_task("this", lease).value()); // though it may not have heard of it
    other.reset();                                           // as one that was killed does
    world.clock.advance(lease);
    auto const second = catalog->take_task("this", lease).value();
    ASSERT_TRUE(second);
    EXPECT_EQ(second->id, first->id);
    EXPECT_EQ(second->attempts, first->attempts + 1);
    EXPECT_EQ(save(*first).error().fault, Fault::wrong_state);
}

TEST_F(Sharing, OneThatIsFarBehindReadsAllAnew)
{
    ASSERT_TRUE(save(free_image(1, "a")).ok());
    ASSERT_TRUE(becomes_true(has(*other, free_image(1, "a").id)));
    // What a pause of an hour does: a commit of somebody else, and the log was trimmed since.
    ASSERT_TRUE(run_sql("DELETE FROM image; DELETE FROM commit_log; INSERT INTO commit_log VALUES "
                        "(900, 'x', 0, '{}', '{}', '{}', '{}', '{}', '{}')")
                    .ok());
    EXPECT_TRUE(becomes_true([&] { return !has(*other, free_image(1, "a").id)(); }));
    EXPECT_TRUE(save_by_other(free_image(2, "a")).ok());
    EXPECT_TRUE(save(free_image(3, "b")).ok());
    EXPECT_TRUE(becomes_true(has(*catalog, free_image(2, "a").id)));
}

TEST_F(Sharing, ADatabaseThatWentBackInTimeIsReadAnew)
{
    ASSERT_TRUE(save(free_image(1, "a")).ok());
    ASSERT_TRUE(becomes_true(has(*other, free_image(1, "a").id)));
    // A standby without the last commit took over, and somebody committed there.
    ASSERT_TRUE(run_sql("DELETE FROM image; UPDATE commit_log SET batch = 'of another history', "
                        "numbers = '{}', tables = '{}'")
                    .ok());
    EXPECT_TRUE(becomes_true([&] { return !has(*other, free_image(1, "a").id)(); }));
    EXPECT_TRUE(becomes_true([&] { return !has(*catalog, free_image(1, "a").id)(); }));
    EXPECT_TRUE(save(free_image(2, "a")).ok());
}

TEST_F(Sharing, DamageIsFoundByTheCheckAndNamed)
{
    auto const image = free_image(1, "a");
    ASSERT_TRUE(save(image, free_image(2, "b")).ok());
    EXPECT_EQ(catalog->check().value().damage, std::vector<std::string>());
    ASSERT_TRUE(run_sql("UPDATE image SET doc = doc || ' ' WHERE id = '" + image.id.text() +
                        "'; ALTER TABLE image ADD COLUMN more TEXT")
                    .ok());
    EXPECT_EQ(catalog->check().value().damage.size(), 2u);
    reopen();
    auto const found = catalog->read([&](View& view) { return view.image(image.id); });
    EXPECT_EQ(found.error().fault, Fault::corrupt);
    EXPECT_NE(catalog->back_up("copy").error().message.find("pg_dump"), std::string::npos);
    EXPECT_EQ(catalog->repair().error().fault, Fault::unsupported);
}

TEST_F(Sharing, ANewerSchemaStopsChanges)
{
    ASSERT_TRUE(run_sql("INSERT INTO migration VALUES (99, 'later', 'x', 0)").ok());
    EXPECT_EQ(save(free_image(1, "a")).error().fault, Fault::unsupported);
}

TEST_F(Sharing, TextsThatNoDatabaseTakesAreRefused)
{
    EXPECT_EQ(save(free_image(1, std::string("a\0b", 3))).error().fault, Fault::invalid);
    EXPECT_TRUE(save(free_image(1, "':\"\\$1 :x")).ok());
    reopen();
    EXPECT_EQ(ask(&View::image, free_image(1, "").id)->name, "':\"\\$1 :x");
}

/// What is lost at the moment of the commit is looked for.
TEST_F(Sharing, ACommitThatWasCutIsSettled)
{
    CuttingProxy proxy(PostgresServer::shared().url(""));
    where = proxy.url_for(where);
    reopen();
    ASSERT_TRUE(save(free_image(1, "a")).ok());
    proxy.cut_next_commit(CuttingProxy::Cut::after);
    EXPECT_TRUE(save(free_image(2, "b")).ok());
    proxy.cut_next_commit(CuttingProxy::Cut::before);
    auto const lost = save(free_image(3, "c"));
    ASSERT_FALSE(lost.ok());
    EXPECT_EQ(lost.error().fault, Fault::unavailable);
    EXPECT_NE(lost.error().message.find("was not made"), std::string::npos);
    EXPECT_FALSE(has(*catalog, free_image(3, "c").id)());
    EXPECT_TRUE(save(free_image(3, "c")).ok());
    for (std::uint64_t i = 1; i <= 3; ++i)
        EXPECT_TRUE(becomes_true(has(*other, free_image(i, "").id))) << i;
}

TEST(SqlStates, MeanTheRightFault)
{
    using Trouble = Database::Trouble;
    struct {
        char const* code;
        Fault fault;
        Trouble trouble = Trouble::other;
    } const cases[] = {
        {"", Fault::unavailable},
        {"08006", Fault::unavailable},
        {"57P01", Fault::unavailable},
        {"57P03", Fault::unavailable},
        {"53300", Fault::unavailable},
        {"53200", Fault::unavailable},
        {"53100", Fault::full, Trouble::full},
        {"40001", Fault::unavailable, Trouble::conflict},
        {"40P01", Fault::unavailable, Trouble::conflict},
        {"55P03", Fault::unavailable},
        {"25006", Fault::unavailable},
        {"23505", Fault::duplicate},
        {"23503", Fault::not_found},
        {"22021", Fault::invalid},
        {"54000", Fault::exhausted},
        {"58030", Fault::io},
        {"42501", Fault::io},
        {"42P01", Fault::corrupt},
        {"XX001", Fault::corrupt},
    };
    for (auto const& one : cases) {
        EXPECT_EQ(postgres_error(one.code).fault, one.fault) << one.code;
        EXPECT_EQ(trouble_of(one.code), one.trouble) << one.code;
    }
    for (std::size_t i = 0; i < sql_states().size(); ++i) // none stands behind its class
        for (std::size_t before = 0; before < i; ++before)
            EXPECT_FALSE(sql_states()[i].code.starts_with(sql_states()[before].code));
}

} // namespace
} // namespace karat::catalog
