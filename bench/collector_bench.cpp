// SPDX-License-Identifier: Apache-2.0
// B14: what the collector costs. collector_bench DIR [SNAPSHOTS [EXTENTS_EACH]] fills a store with
// distinct extents of one block, removes every second snapshot, marks and judges, and then ingests
// with and without a collector that never rests beside it. Prints Markdown.
#include "karat/blocks.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace {

using namespace karat;

constexpr std::size_t kIngestBytes = 384 << 20;
constexpr int kRounds = 5;

double seconds() { return static_cast<double>(posix_env().clock.steady().count()) / 1e9; }

/// A block like no other; compresses.
void fill(std::span<std::byte> block, std::uint64_t number)
{
    for (std::size_t i = 0; i < block.size(); i += sizeof number) {
        auto const value = i % 64 == 0 ? number * 0x9e3779b97f4a7c15 + i : number + i / 512;
        std::memcpy(block.data() + i, &value, sizeof value);
    }
}

Result<void> import(blocks::Store& store, std::string const& name, std::span<std::byte const> disk)
{
    constexpr std::size_t kStep = 1 << 20;
    auto ingest = TRY(store.begin({.name = name, .size_bytes = disk.size()}, {}));
    for (std::size_t at = 0; at < disk.size(); at += kStep)
        TRY(ingest->write(at, disk.subspan(at, std::min(kStep, disk.size() - at))));
    TRY(ingest->commit());
    return {};
}

/// Extents of one block: a hole after each ends it.
Result<void> fill_store(blocks::Store& store, std::uint64_t snapshots, std::uint64_t extents)
{
    Bytes disk(extents * 2 * blocks::kBlockBytes);
    for (std::uint64_t i = 0; i < snapshots; ++i) {
        for (std::uint64_t k = 0; k < extents; ++k)
            fill(std::span(disk).subspan(k * 2 * blocks::kBlockBytes, blocks::kBlockBytes),
                 i * extents + k + 1);
        TRY(import(store, "s" + std::to_string(i), disk));
    }
    for (std::uint64_t i = 0; i < snapshots; i += 2)
        TRY(store.remove("s" + std::to_string(i)));
    return {};
}

/// Seconds that new data takes.
Result<double> ingest_once(blocks::Store& store, Bytes& disk, int round)
{
    static std::uint64_t next = std::uint64_t{1} << 40;
    for (std::size_t at = 0; at < disk.size(); at += blocks::kBlockBytes)
        fill(std::span(disk).subspan(at, blocks::kBlockBytes), next++);
    auto const began = seconds();
    TRY(import(store, "ingest" + std::to_string(round), disk));
    return seconds() - began;
}

Result<double> beside_collector(blocks::Store& store, Bytes& disk, int round, int& collections)
{
    std::atomic<bool> ended = false;
    Result<double> took = 0.0;
    std::jthread const collector([&] {
        while (!ended) {
            auto const names = store.names();
            VERIFY(names.ok() && store.collect(names.value()).ok());
            ++collections;
        }
    });
    took = ingest_once(store, disk, round);
    ended = true;
    return took;
}

Result<void> run(std::string const& directory, std::uint64_t snapshots, std::uint64_t extents)
{
    auto const store = TRY(blocks::Store::open(posix_env(), directory));
    TRY(fill_store(*store, snapshots, extents));
    std::printf("| what | measured |\n|---|---|\n");
    for (int i = 0; i < 3; ++i) {
        auto const names = TRY(store->names());
        auto const report = TRY(store->collect(names));
        auto const mark = static_cast<double>(report.mark_time.count()) / 1e9;
        auto const all = static_cast<double>(report.live_extents + report.dead_extents);
        std::printf(
            "| collection %d: %.0f records of %zu snapshots, %llu needed, marked and judged "
            "| %.2f s, %.2f M records/s |\n",
            i + 1, all, names.size(), static_cast<unsigned long long>(report.live_extents), mark,
            all / mark / 1e6);
    }
    std::vector<double> alone;
    std::vector<double> beside;
    int collections = 0;
    Bytes disk(kIngestBytes);
    for (int round = 0; round < kRounds; ++round) {
        alone.push_back(TRY(ingest_once(*store, disk, round * 2)));
        beside.push_back(TRY(beside_collector(*store, disk, round * 2 + 1, collections)));
    }
    std::ranges::sort(alone);
    std::ranges::sort(beside);
    auto const middle = kRounds / 2;
    std::printf(
        "| ingest of %zu MiB, alone / beside a collector that never rests (%d collections), "
        "medians of %d | %.2f / %.2f s, %+.0f %% |\n",
        kIngestBytes >> 20, collections, kRounds, alone[middle], beside[middle],
        (beside[middle] / alone[middle] - 1) * 100);
    return {};
}

} // namespace

int main(int count, char** words)
{
    if (count < 2) {
        std::fprintf(stderr, "usage: collector_bench DIR [SNAPSHOTS [EXTENTS_EACH]]\n");
        return 2;
    }
    auto const number = [&](int i, std::uint64_t otherwise) {
        return count > i ? std::strtoull(words[i], nullptr, 10) : otherwise;
    };
    auto const done = run(words[1], number(2, 10'000), number(3, 100));
    if (!done.ok())
        std::fprintf(stderr, "collector_bench: %s\n", done.error().message.c_str());
    return done.ok() ? 0 : 1;
}
