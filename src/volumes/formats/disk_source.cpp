// SPDX-License-Identifier: Apache-2.0
#include "formats/disk_source.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace karat::volumes {
namespace {

constexpr std::uint64_t kExportReportBytes = 8 << 20;

} // namespace

bool is_zero(std::span<std::byte const> bytes)
{
    // Each byte equals its neighbour, and the first is zero: memcmp walks them fast.
    return bytes.empty() || (bytes[0] == std::byte{0} &&
                             std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

Result<void> write_sparse(File& file, std::uint64_t offset_bytes, std::span<std::byte const> bytes)
{
    auto const block = [&](std::size_t at) {
        return bytes.subspan(at, std::min(blocks::kBlockBytes, bytes.size() - at));
    };
    for (std::size_t at = 0; at < bytes.size();) {
        if (is_zero(block(at))) {
            at += blocks::kBlockBytes;
            continue;
        }
        auto end = at;
        while (end < bytes.size() && !is_zero(block(end)))
            end += block(end).size();
        TRY(file.write_at(offset_bytes + at, bytes.subspan(at, end - at)));
        at = end;
    }
    return {};
}

Result<void> DiskSource::each_unit(std::uint64_t unit_bytes, Take const& take)
{
    Bytes buffer;
    std::uint64_t offset = 0;
    while (offset < size_bytes()) {
        auto const data = TRY(view_.next_data(offset));
        if (!data)
            break;
        auto const unit = std::max(data->offset_bytes, offset) / unit_bytes;
        auto const start = unit * unit_bytes;
        if (start >= size_bytes())
            break;
        buffer.resize(std::min(unit_bytes, size_bytes() - start));
        TRY(view_.read(start, buffer));
        if (!is_zero(buffer)) {
            TRY(take(unit, buffer));
            data_bytes_ += buffer.size();
        }
        offset = start + unit_bytes;
        TRY(report(offset, buffer.size()));
    }
    return {};
}

Result<void> DiskSource::report(std::uint64_t offset_bytes, std::uint64_t work_bytes)
{
    unreported_bytes_ += work_bytes;
    if (unreported_bytes_ < kExportReportBytes || !progress_)
        return {};
    unreported_bytes_ = 0;
    auto const share = static_cast<double>(offset_bytes) / static_cast<double>(size_bytes());
    if (!progress_(std::min(share, 1.0)))
        return fail(Fault::unavailable,
                    fmt::format("The writing of {} was interrupted", view_.facts().name));
    return {};
}

} // namespace karat::volumes
