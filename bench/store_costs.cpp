// SPDX-License-Identifier: Apache-2.0
// What the main steps of the block store, and making an overlay, cost in instructions:
// store_costs DIR, run by bench/store_costs.py under callgrind, which counts inside the functions
// named step_*. Everything is the same in every run: the input, the order, one thread.
#include "karat/blocks.hpp"
#include "karat/memory_env.hpp"
#include "overlay.hpp"

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace {

using namespace karat;

constexpr std::size_t kDiskBytes = 16 << 20;
constexpr std::size_t kStep = 1 << 20; // what karatd reads at a time
constexpr int kOverlays = 16;

/// Text, numbers that hardly differ, bytes that do not compress, and holes: about as a system disk.
Bytes make_disk()
{
    Bytes disk(kDiskBytes);
    SeededChance chance(2026);
    std::array<std::byte, 4> dice{};
    for (std::size_t at = 0; at < disk.size(); at += blocks::kBlockBytes) {
        auto const block = std::span(disk).subspan(at, blocks::kBlockBytes);
        auto const kind = at / (64 << 10) % 8;
        if (kind == 7)
            continue; // a hole
        if (kind == 6) {
            chance.fill(block);
            continue;
        }
        for (std::size_t i = 0; i < block.size();) {
            chance.fill(dice);
            auto const word = std::to_integer<std::size_t>(dice[0]) * (kind + 1);
            auto const length = 2 + std::to_integer<std::size_t>(dice[1]) % 9;
            for (std::size_t k = 0; k < length && i < block.size(); ++k)
                block[i++] = static_cast<std::byte>('a' + (word * (k + 3) >> 3) % 26);
            if (i < block.size())
                block[i++] = dice[2] < std::byte{40} ? dice[3] : std::byte{' '};
        }
    }
    return disk;
}

Result<void> import(blocks::Store& store, std::string const& name, Bytes const& disk)
{
    auto ingest = TRY(store.begin({.name = name, .size_bytes = disk.size()}, {}));
    for (std::size_t at = 0; at < disk.size(); at += kStep)
        TRY(ingest->write(at, std::span(disk).subspan(at, kStep)));
    TRY(ingest->commit());
    return {};
}

} // namespace

// Names that callgrind finds: not inlined, not mangled.
extern "C" {

[[gnu::noinline]] void step_ingest_fresh(blocks::Store& store, Bytes const& disk)
{
    VERIFY(import(store, "fresh", disk).ok());
}

[[gnu::noinline]] void step_ingest_known(blocks::Store& store, Bytes const& disk)
{
    VERIFY(import(store, "known", disk).ok());
}

[[gnu::noinline]] void step_read_all(blocks::Store& store, Bytes const& disk)
{
    auto const view = store.view("fresh");
    VERIFY(view.ok());
    auto const read =
        blocks::read_all(*view.value(), 1, [&](std::uint64_t at, std::span<std::byte const> data) {
            VERIFY(std::equal(data.begin(), data.begin() + 64,
                              disk.begin() + static_cast<std::ptrdiff_t>(at)));
            return Result<void>();
        });
    VERIFY(read.ok());
}

[[gnu::noinline]] void step_scrub(blocks::Store& store)
{
    auto const report = store.scrub({.anew = true});
    VERIFY(report.ok() && report.value().finished && report.value().damage.empty());
}

[[gnu::noinline]] void step_collect(blocks::Store& store)
{
    auto const report = store.collect(std::vector<std::string>{"fresh", "known"});
    VERIFY(report.ok() && report.value().dead_extents == 0);
}

[[gnu::noinline]] void step_create_overlay(std::string const& directory)
{
    for (int i = 0; i < kOverlays; ++i) {
        auto const path = directory + "/overlay-" + std::to_string(i);
        VERIFY(volumes::make_overlay(posix_env().files, path, std::uint64_t{1} << 40).ok());
    }
}
}

int main(int count, char** words)
{
    if (count != 2) {
        std::fprintf(stderr, "usage: store_costs DIR (an empty directory)\n");
        return 2;
    }
    auto const world = posix_env();
    SeededChance chance(1);
    auto const store = blocks::Store::open({world.files, world.clock, chance}, words[1],
                                           {.threads = 0, .cache_bytes = 0});
    VERIFY(store.ok());
    auto const disk = make_disk();
    step_ingest_fresh(*store.value(), disk);
    step_ingest_known(*store.value(), disk);
    step_read_all(*store.value(), disk);
    step_scrub(*store.value());
    step_collect(*store.value());
    step_create_overlay(words[1]);
    // In the order of the steps.
    for (auto const* const step : {"ingest_fresh", "ingest_known", "read_all", "scrub", "collect"})
        std::printf("%s %zu MiB\n", step, disk.size() >> 20);
    std::printf("create_overlay %d overlay\n", kOverlays);
    return 0;
}
