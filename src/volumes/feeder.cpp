// SPDX-License-Identifier: Apache-2.0
#include "feeder.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::volumes {
namespace {

constexpr std::size_t kBufferBytes = 1 << 20;
constexpr std::uint64_t kReportBytes = 16 << 20;
constexpr std::uint64_t kStepBytes = 4096; // what looking at one stretch counts as

} // namespace

Feeder::Feeder(blocks::Ingest& ingest, blocks::Facts const& facts, Progress const& progress)
    : ingest_(ingest)
    , facts_(facts)
    , progress_(progress)
{
    buffer_.reserve(kBufferBytes);
}

Result<void> Feeder::add(DiskReader& reader, Range range)
{
    while (range.length_bytes > 0) {
        if (buffer_.size() == kBufferBytes ||
            (!buffer_.empty() && buffer_offset_ + buffer_.size() != range.offset_bytes))
            TRY(flush());
        if (buffer_.empty())
            buffer_offset_ = range.offset_bytes;
        auto const held = buffer_.size();
        auto const length = std::min<std::uint64_t>(range.length_bytes, kBufferBytes - held);
        buffer_.resize(held + length); // zeroes, for what lies beyond the reader's size
        auto const inside = reader.size_bytes() - std::min(reader.size_bytes(), range.offset_bytes);
        auto const into = std::span(buffer_).subspan(held, std::min(length, inside));
        TRY(reader.read(range.offset_bytes, into));
        range = {range.offset_bytes + length, range.length_bytes - length};
        TRY(worked(range.offset_bytes, length));
    }
    return {};
}

Result<void> Feeder::zero(Range range)
{
    TRY(flush());
    TRY(ingest_.zero(range));
    return worked(range.end_bytes(), kStepBytes);
}

Result<void> Feeder::skip(std::uint64_t offset_bytes) { return worked(offset_bytes, kStepBytes); }

Result<void> Feeder::finish() { return flush(); }

Result<void> Feeder::flush()
{
    if (buffer_.empty())
        return {};
    TRY(ingest_.write(buffer_offset_, buffer_));
    buffer_.clear();
    return {};
}

Result<void> Feeder::worked(std::uint64_t offset_bytes, std::uint64_t work_bytes)
{
    unreported_bytes_ += work_bytes;
    if (unreported_bytes_ < kReportBytes || !progress_)
        return {};
    unreported_bytes_ = 0;
    auto const share = static_cast<double>(offset_bytes) /
                       static_cast<double>(std::max<std::uint64_t>(facts_.size_bytes, 1));
    if (!progress_(std::min(share, 1.0)))
        return fail(Fault::unavailable,
                    fmt::format("The making of {} was interrupted", facts_.name));
    return {};
}

Result<std::optional<blocks::Committed>> find_committed(blocks::Store& store,
                                                        std::string const& name)
{
    auto found = store.describe(name);
    if (!found.ok() && found.error().fault == Fault::not_found)
        return std::optional<blocks::Committed>();
    auto const made = TRY(std::move(found));
    blocks::Committed const committed{.root = made.root, .full_size_bytes = made.full_size_bytes};
    return std::optional(committed);
}

} // namespace karat::volumes
