// SPDX-License-Identifier: Apache-2.0
#include "stored_map.hpp"

#include <algorithm>
#include <limits>

namespace karat::volumes {
namespace {

// File systems with small blocks would cut inside a block of the store; a little hole is then data.
constexpr std::uint64_t kGrain = 4096;

bool holds(Range const& range, std::uint64_t offset_bytes)
{
    return offset_bytes >= range.offset_bytes && offset_bytes < range.end_bytes();
}

/// The blocks that `found` touches, from `offset_bytes` on.
Range rounded(Range const& found, std::uint64_t offset_bytes)
{
    auto const start = std::max(found.offset_bytes / kGrain * kGrain, offset_bytes);
    auto const end = (found.end_bytes() + kGrain - 1) / kGrain * kGrain;
    return {start, end - start};
}

Stretch part_of(Kind kind, Range const& known, Range const& wanted)
{
    auto const length = std::min(wanted.length_bytes, known.end_bytes() - wanted.offset_bytes);
    return {kind, {wanted.offset_bytes, length}};
}

} // namespace

Result<void> StoredMap::look(std::uint64_t offset_bytes)
{
    auto const found = TRY(file_.next_data(offset_bytes));
    constexpr auto kEver = std::numeric_limits<std::uint64_t>::max();
    data_ = found ? rounded(*found, offset_bytes) : Range{kEver, 0};
    hole_ = {offset_bytes, data_.offset_bytes - offset_bytes};
    return {};
}

Result<Stretch> StoredMap::at(Range wanted)
{
    if (!holds(data_, wanted.offset_bytes) && !holds(hole_, wanted.offset_bytes))
        TRY(look(wanted.offset_bytes));
    if (holds(data_, wanted.offset_bytes))
        return part_of(Kind::data, data_, wanted);
    return part_of(Kind::zero, hole_, wanted);
}

Result<std::uint64_t> StoredMap::stored_bytes()
{
    std::uint64_t sum = 0;
    auto found = TRY(file_.next_data(0));
    while (found && found->length_bytes > 0) {
        auto const data = rounded(*found, 0);
        sum += data.length_bytes;
        found = TRY(file_.next_data(data.end_bytes()));
    }
    return sum;
}

} // namespace karat::volumes
