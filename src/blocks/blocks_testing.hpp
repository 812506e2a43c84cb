// SPDX-License-Identifier: Apache-2.0
// What the tests of this room share: volumes made from seeds, and short ways to store and read.
#pragma once

#include "karat/blocks.hpp"
#include "karat/log.hpp"
#include "karat/memory_env.hpp"

#include "blocks_format.hpp"
#include "bytes.hpp"

#include <gtest/gtest.h>

namespace karat::blocks::testing {

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * kKiB;

inline Bytes random_bytes(std::uint64_t seed, std::size_t size)
{
    Bytes bytes(size);
    SeededChance chance(seed);
    chance.fill(bytes);
    return bytes;
}

/// Bytes that compress: every block holds a few different words of its seed's.
inline Bytes text_bytes(std::uint64_t seed, std::size_t size)
{
    auto const words = random_bytes(seed, size / 64 + 64);
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = words[i / 64 + i % 4];
    return bytes;
}

/// An in-memory disk with a store on it that can be opened again and again.
struct World {
    explicit World(Options wanted = {})
        : options(wanted)
    {
        reopen();
    }
    void reopen()
    {
        store.reset();
        auto opened = Store::open(memory.env(), "store", options);
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        store = std::move(opened).value();
    }

    MemoryEnv memory;
    Options options;
    std::unique_ptr<Store> store;
};

inline Result<Committed> put(Store& store, std::string const& name, Bytes const& volume)
{
    auto ingest = TRY(store.begin({.name = name, .size_bytes = volume.size()}, {}));
    TRY(ingest->write(0, volume));
    return ingest->commit();
}

inline Result<Bytes> get(Store& store, std::string const& name)
{
    auto const view = TRY(store.view(name));
    Bytes bytes(view->facts().size_bytes);
    TRY(view->read(0, bytes));
    return bytes;
}

/// As many collections as it takes to free what nobody needs; the last report, with what all freed.
inline Result<CollectReport> collect_all(Store& store, std::vector<std::string> const& roots)
{
    CollectReport sum;
    for (int epoch = 0; epoch < 3; ++epoch) {
        auto report = TRY(store.collect(roots));
        report.bytes_freed += sum.bytes_freed;
        report.packs_removed += sum.packs_removed;
        report.packs_rewritten += sum.packs_rewritten;
        sum = report;
    }
    return sum;
}

/// "ok", or the fault and what it says.
template <class T>
std::string outcome(Result<T> const& result)
{
    return result.ok() ? "ok"
                       : std::string(name(result.error().fault)) + ": " + result.error().message;
}

inline std::vector<std::string> pack_files(MemoryFiles& files)
{
    return files.list("store/packs").value();
}

} // namespace karat::blocks::testing
