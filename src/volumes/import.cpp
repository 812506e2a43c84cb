// SPDX-License-Identifier: Apache-2.0
#include "feeder.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::volumes {
namespace {

Result<void> check_size(DiskReader const& disk, blocks::Facts const& facts)
{
    if (facts.size_bytes % blocks::kBlockBytes != 0)
        return fail(Fault::invalid, fmt::format("The size of {}, {} bytes, is not a multiple of {}",
                                                facts.name, facts.size_bytes, blocks::kBlockBytes));
    if (facts.size_bytes < disk.size_bytes())
        return fail(Fault::invalid,
                    fmt::format("The disk has {} bytes and does not fit into {} of {} bytes",
                                disk.size_bytes(), facts.name, facts.size_bytes));
    return {};
}

/// Clusters may be smaller than blocks: a block with any data in it is read whole, once.
Result<void> feed(DiskReader& disk, Feeder& feeder)
{
    std::uint64_t offset = 0;
    std::uint64_t fed = 0; // a multiple of blocks::kBlockBytes
    while (offset < disk.size_bytes()) {
        auto const stretch = TRY(disk.next(offset));
        offset = stretch.range.end_bytes();
        if (stretch.kind != Kind::data) {
            TRY(feeder.skip(offset));
            continue;
        }
        auto const start =
            std::max(stretch.range.offset_bytes / blocks::kBlockBytes * blocks::kBlockBytes, fed);
        auto const end = std::max(
            (offset + blocks::kBlockBytes - 1) / blocks::kBlockBytes * blocks::kBlockBytes, fed);
        TRY(feeder.add(disk, {start, end - start}));
        fed = end;
    }
    return feeder.finish();
}

} // namespace

Result<blocks::Committed> import_disk(blocks::Store& store, DiskReader& disk,
                                      blocks::Facts const& facts, Progress const& progress,
                                      std::function<Result<void>()> const& check)
{
    TRY(check_size(disk, facts));
    auto const ingest = TRY(store.begin(facts, std::nullopt));
    Feeder feeder(*ingest, facts, progress);
    TRY(feed(disk, feeder));
    TRY(check());
    return ingest->commit();
}

} // namespace karat::volumes
