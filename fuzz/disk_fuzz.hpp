// SPDX-License-Identifier: Apache-2.0
// What the fuzzers of disk formats share: the input as a file, and a walk over the whole map of the
// disk that reads what is mapped, up to a cap.
//
// Input is a disk image; or, so that images with large parts stay small, the letter 'S' and pieces
// of one, each: offset in units of 64 bytes u16, length u16 (little-endian), bytes.
#pragma once

#include "disk_reader.hpp"
#include "testing/bytes_file.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace karat::volumes {

inline constexpr std::uint64_t kReadCapBytes = 8 << 20;
inline constexpr int kStretchCap = 1 << 14;
inline constexpr int kSumPieceCap = 2;

inline Result<void> walk(DiskReader& reader)
{
    Bytes piece(64 << 10);
    std::uint64_t budget = kReadCapBytes;
    std::uint64_t offset = 0;
    for (int i = 0; i < kStretchCap && offset < reader.size_bytes(); ++i) {
        auto const stretch = TRY(reader.next(offset));
        VERIFY(stretch.range.offset_bytes == offset && stretch.range.length_bytes > 0);
        VERIFY(stretch.range.end_bytes() <= reader.size_bytes());
        auto const end = stretch.range.end_bytes();
        while (stretch.kind == Kind::data && offset < end && budget > 0) {
            auto const length = std::min<std::uint64_t>(piece.size(), end - offset);
            TRY(reader.read(offset, std::span(piece).first(length)));
            offset += length;
            budget -= std::min(budget, length);
        }
        offset = end;
    }
    return {};
}

inline std::uint16_t load16(std::span<std::byte const> bytes)
{
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[0]) |
                                      std::to_integer<unsigned>(bytes[1]) << 8);
}

/// The file that pieces describe.
inline Bytes expand(std::span<std::byte const> pieces)
{
    Bytes file;
    while (pieces.size() >= 4) {
        auto const offset = std::size_t{load16(pieces)} * 64;
        auto const length = std::min<std::size_t>(load16(pieces.subspan(2)), pieces.size() - 4);
        auto const bytes = pieces.subspan(4, length);
        file.resize(std::max(file.size(), offset + length));
        std::copy(bytes.begin(), bytes.end(), file.begin() + static_cast<std::ptrdiff_t>(offset));
        pieces = pieces.subspan(4 + length);
    }
    return file;
}

/// The bytes of the file that the fuzzer's input stands for.
inline Bytes file_of(std::uint8_t const* data, std::size_t size)
{
    auto const bytes = std::as_bytes(std::span(data, size));
    if (size > 0 && data[0] == 'S')
        return expand(bytes.subspan(1));
    return {bytes.begin(), bytes.end()};
}

template <class Open>
void fuzz_disk(Bytes const& bytes, Open open)
{
    auto const reader = open(std::make_unique<testing::BytesFile>(bytes));
    if (!reader.ok())
        return; // refusing is as good as reading
    (void)walk(*reader.value()).ok();
    int pieces = 0;
    (void)reader.value()->check_sums([&pieces] { return ++pieces < kSumPieceCap; }).ok();
}

} // namespace karat::volumes
