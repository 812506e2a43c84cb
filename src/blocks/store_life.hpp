// SPDX-License-Identifier: Apache-2.0
// For tests: a short life of a store, and what it must have kept whatever went wrong in it.
#pragma once

#include "blocks_testing.hpp"

#include <map>
#include <set>

namespace karat::blocks::testing {

/// What the store acknowledged, and what it may or may not have done.
struct Promises {
    std::map<std::string, Bytes> kept;  // commit() succeeded, remove() was not called
    std::map<std::string, Bytes> maybe; // begun and not acknowledged, or being removed
};

/// A life in steps; each goes on after failures as a daemon would.
class Life {
public:
    explicit Life(Store& store)
        : store_(store)
    {
    }

    Promises const& live()
    {
        auto const a = random_bytes(1, 80 * kKiB);
        auto const b = text_bytes(2, 160 * kKiB);
        put_snapshot("a", a);
        put_snapshot("b", b);
        auto next = a;
        std::ranges::copy(random_bytes(3, 8 * kKiB), next.begin() + 16 * kKiB);
        put_increment("c", "a", next, {16 * kKiB, 8 * kKiB});
        remove("b");
        collect();
        put_snapshot("d", b); // again what was dropped
        remove("a");
        collect();
        auto grown = next;
        grown.resize(120 * kKiB);
        std::ranges::copy(a, grown.begin() + 40 * kKiB);
        put_increment("e", "c", grown, {40 * kKiB, 80 * kKiB});
        remove("d");
        collect();
        return promises_;
    }

private:
    void put_snapshot(std::string const& name, Bytes const& volume)
    {
        promises_.maybe[name] = volume;
        if (put(store_, name, volume).ok())
            acknowledge(name);
    }
    void put_increment(std::string const& name, std::string const& base, Bytes const& volume,
                       Range changed)
    {
        promises_.maybe[name] = volume;
        auto const made = [&]() -> Result<void> {
            auto ingest = TRY(store_.begin({.name = name, .size_bytes = volume.size()}, base));
            TRY(ingest->write(
                changed.offset_bytes,
                std::span(volume).subspan(changed.offset_bytes, changed.length_bytes)));
            TRY(ingest->commit());
            return {};
        }();
        if (made.ok())
            acknowledge(name);
    }
    void acknowledge(std::string const& name)
    {
        promises_.kept[name] = promises_.maybe[name];
        promises_.maybe.erase(name);
    }
    void remove(std::string const& name)
    {
        if (auto kept = promises_.kept.extract(name))
            promises_.maybe.insert(std::move(kept));
        if (store_.remove(name).ok())
            promises_.maybe.erase(name);
    }
    void collect()
    {
        std::vector<std::string> roots;
        for (auto const& [name, volume] : promises_.kept)
            roots.push_back(name);
        (void)collect_all(store_, roots); // on failure: nothing a snapshot needs is gone
    }

    Store& store_;
    Promises promises_;
};

inline void expect_promises(Store& store, Promises const& promises)
{
    for (auto const& [name, volume] : promises.kept) {
        auto const got = get(store, name);
        ASSERT_TRUE(got.ok()) << name << ": " << outcome(got);
        ASSERT_EQ(got.value(), volume) << name;
    }
    auto const names = store.names().value();
    std::set<std::string> const present(names.begin(), names.end());
    for (auto const& name : present)
        ASSERT_TRUE(promises.kept.contains(name) || promises.maybe.contains(name)) << name;
    for (auto const& [name, volume] : promises.maybe) {
        if (!present.contains(name))
            continue;
        auto const got = get(store, name);
        ASSERT_TRUE(got.ok()) << name << ": " << outcome(got);
        ASSERT_EQ(got.value(), volume) << name;
    }
}

/// What expect_future() stores as "new".
inline Bytes future_volume() { return text_bytes(2, 100 * kKiB); }

/// The store goes on: it checks clean, collects, keeps its promises, takes new data.
inline void expect_future(Store& store, Promises promises)
{
    auto const report = store.check({});
    ASSERT_TRUE(report.ok()) << outcome(report);
    ASSERT_EQ(report.value().damage, std::vector<std::string>());
    std::vector<std::string> roots;
    for (auto const& [name, volume] : promises.kept)
        roots.push_back(name);
    auto const collected = collect_all(store, roots);
    ASSERT_TRUE(collected.ok()) << outcome(collected);
    expect_promises(store, promises); // the others are strays now, and whole all the same
    auto const volume = future_volume();
    ASSERT_TRUE(put(store, "new", volume).ok());
    ASSERT_EQ(get(store, "new").value(), volume);
}

inline Options small() { return {.pack_bytes = 64 * kKiB, .threads = 0, .cache_bytes = 0}; }

} // namespace karat::blocks::testing
