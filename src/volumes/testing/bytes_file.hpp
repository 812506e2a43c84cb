// SPDX-License-Identifier: Apache-2.0
// Bytes in memory as a file that is only read: the quickest for a disk image of a test.
#pragma once

#include "read_only_file.hpp"

#include <algorithm>

namespace karat::volumes::testing {

/// The bytes outlive the file. They have no holes.
class BytesFile final : public ReadOnlyFile {
public:
    explicit BytesFile(std::span<std::byte const> bytes)
        : bytes_(bytes)
    {
    }
    Result<std::size_t> read_at(std::uint64_t offset_bytes, std::span<std::byte> into) override
    {
        if (offset_bytes >= bytes_.size())
            return std::size_t{0};
        auto const length = std::min(into.size(), bytes_.size() - offset_bytes);
        auto const from = bytes_.subspan(offset_bytes, length);
        std::copy(from.begin(), from.end(), into.begin());
        return length;
    }
    Result<std::uint64_t> size_bytes() override { return std::uint64_t{bytes_.size()}; }
    Result<std::optional<Range>> next_data(std::uint64_t offset_bytes) override
    {
        if (offset_bytes >= bytes_.size())
            return std::optional<Range>();
        return std::optional(Range{offset_bytes, bytes_.size() - offset_bytes});
    }

private:
    std::span<std::byte const> bytes_;
};

} // namespace karat::volumes::testing
