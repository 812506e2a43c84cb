// SPDX-License-Identifier: Apache-2.0
// For the catalog's tests: a catalog on the disk in memory, and short words to use it.
#pragma once

#include "database.hpp"
#include "samples.hpp"
#include "testing/postgres_server.hpp"

#include <gtest/gtest.h>

namespace karat::catalog {

inline Actor const kActor{"111111111111", "Test"};

struct Fixture : testing::Test {
    MemoryEnv world;
    std::string where = "catalog.db";
    std::unique_ptr<Catalog> catalog;

    void SetUp() override { reopen(); }
    void reopen()
    {
        catalog.reset();
        catalog = Catalog::open(world.env(), where, Storage::through_env).value();
    }
    template <class... Things>
    Result<void> save(Things const&... things)
    {
        return catalog->change(kActor, [&](Change& change) -> Result<void> {
            Result<void> outcome;
            (void)((outcome = change.save(things), outcome.ok()) && ...);
            return outcome;
        });
    }
    /// What a reading member answers for these arguments.
    template <class Answer, class... Parameters, class... Arguments>
    Answer ask(Result<Answer> (View::*member)(Parameters...) const, Arguments const&... arguments)
    {
        return catalog->read([&](View& view) { return (view.*member)(arguments...); }).value();
    }
};

/// The tests that hold for each kind of database.
enum class Kind : unsigned char { sqlite, postgres };

struct OverBoth : Fixture, testing::WithParamInterface<Kind> {
    void SetUp() override
    {
        if (GetParam() == Kind::postgres) {
            if (PostgresServer::programs().empty())
                GTEST_SKIP() << "postgresql-15 is not installed";
            where = PostgresServer::shared().fresh();
        }
        reopen();
    }
};

#define OVER_BOTH(Suite)                                                                           \
    INSTANTIATE_TEST_SUITE_P(                                                                      \
        , Suite, testing::Values(Kind::sqlite, Kind::postgres),                                    \
        [](auto const& it) { return it.param == Kind::sqlite ? "sqlite" : "postgres"; })

template <class Thing>
std::string text(Thing const& thing)
{
    return write_document(thing).value();
}
template <class Thing>
std::string text(std::optional<Thing> const& thing)
{
    return thing ? text(*thing) : "(nothing)";
}
template <class Thing>
std::vector<std::string> ids(std::vector<Thing> const& things)
{
    std::vector<std::string> all;
    for (auto const& thing : things) {
        if constexpr (requires { thing.id.text(); })
            all.push_back(thing.id.text());
        else if constexpr (requires { thing.secret; })
            all.push_back(thing.id);
        else
            all.push_back(thing.name);
    }
    return all;
}

/// Within the time in which docs/operating.md promises that others' commits are seen.
inline bool becomes_true(auto const& what)
{
    auto& clock = posix_env().clock;
    for (auto const end = clock.steady() + std::chrono::seconds(2); clock.steady() < end;) {
        if (what())
            return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return what();
}

inline Scope all_of(auto const& thing) { return {thing.region, thing.owner}; }

} // namespace karat::catalog
