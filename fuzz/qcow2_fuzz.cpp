// SPDX-License-Identifier: Apache-2.0
// Fuzzes the qcow2 reader: opens the bytes as a stranger's file and as an overlay of ours, walks
// the whole map and reads what is mapped, up to a cap. Seeds are in fuzz/corpus/qcow2.
//
// Input is a qcow2 file; or, so that files with large clusters stay small, the letter 'S' and
// pieces of one, each: offset in units of 64 bytes u16, length u16 (little-endian), bytes.
#include "disk_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace karat::volumes {
namespace {

constexpr std::uint64_t kReadCapBytes = 8 << 20;
constexpr int kStretchCap = 1 << 14;

/// A file that is the fuzzer's input.
class InputFile final : public File {
public:
    explicit InputFile(std::span<std::byte const> bytes)
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
    Result<void> write_at(std::uint64_t, std::span<std::byte const>) override
    {
        return fail(Fault::io, "read only");
    }
    Result<void> sync_data() override { return fail(Fault::io, "read only"); }
    Result<std::uint64_t> size_bytes() override { return std::uint64_t{bytes_.size()}; }
    Result<void> truncate(std::uint64_t) override { return fail(Fault::io, "read only"); }
    Result<std::optional<Range>> next_data(std::uint64_t offset_bytes) override
    {
        if (offset_bytes >= bytes_.size())
            return std::optional<Range>();
        return std::optional(Range{offset_bytes, bytes_.size() - offset_bytes});
    }
    Result<void> punch_hole(Range) override { return fail(Fault::io, "read only"); }

private:
    std::span<std::byte const> bytes_;
};

Result<void> walk(DiskReader& reader)
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

std::uint16_t load16(std::span<std::byte const> bytes)
{
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[0]) |
                                      std::to_integer<unsigned>(bytes[1]) << 8);
}

/// The file that pieces describe.
Bytes expand(std::span<std::byte const> pieces)
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

void fuzz(std::span<std::byte const> bytes, Trust trust)
{
    auto const reader = open_qcow2(std::make_unique<InputFile>(bytes), "fuzz", trust);
    if (reader.ok())
        (void)walk(*reader.value()).ok(); // refusing is as good as reading
}

} // namespace
} // namespace karat::volumes

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    auto bytes = std::as_bytes(std::span(data, size));
    karat::Bytes expanded;
    if (size > 0 && data[0] == 'S') {
        expanded = karat::volumes::expand(bytes.subspan(1));
        bytes = expanded;
    }
    karat::volumes::fuzz(bytes, karat::volumes::Trust::stranger);
    karat::volumes::fuzz(bytes, karat::volumes::Trust::own);
    return 0;
}
