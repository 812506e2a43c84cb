// SPDX-License-Identifier: Apache-2.0
#include "pack_format.hpp"

#include "bytes.hpp"

#include <xxhash.h>

namespace karat::blocks {
namespace {

constexpr std::uint32_t kPageBit = 0x80000000U;
constexpr std::size_t kSummedHeader = kRecordHeaderBytes - 8;
constexpr std::size_t kSummedTrailer = kTrailerBytes - 8;

std::uint64_t seed_of(Place place) { return std::uint64_t{place.pack} << 32 | place.offset; }

bool good_lengths(RecordHeader const& header)
{
    auto const around = header.sealing == Sealing::none ? 0 : kSealBytes;
    if (header.stored_bytes <= around || header.stored_bytes - around > header.raw_bytes)
        return false;
    if (header.codec == Codec::raw && header.stored_bytes - around != header.raw_bytes)
        return false;
    if (header.kind == Kind::page)
        return header.sealing == Sealing::none && header.raw_bytes >= 4 + kSliceBytes &&
               header.raw_bytes <= kMaxPageBytes;
    return header.raw_bytes % kBlockBytes == 0 && header.raw_bytes <= kMaxExtentBytes;
}

} // namespace

std::uint64_t checksum(std::span<std::byte const> bytes, std::uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

void put_pack_header(Bytes& out, std::uint32_t number)
{
    auto const start = out.size();
    ByteWriter writer(out);
    writer.raw(kPackMagic);
    writer.number(kVersion);
    writer.number(number);
    writer.number(std::uint64_t{0});
    writer.number(checksum(std::span(out).subspan(start)));
}

bool good_pack_header(std::span<std::byte const> bytes, std::uint32_t number)
{
    Bytes expected;
    put_pack_header(expected, number);
    return bytes.size() >= expected.size() &&
           std::ranges::equal(bytes.first(expected.size()), expected);
}

void put_record_header(Bytes& out, RecordHeader const& header, Place place)
{
    auto const start = out.size();
    ByteWriter writer(out);
    writer.raw(kRecordMagic);
    writer.number(static_cast<std::uint8_t>(header.kind));
    writer.number(static_cast<std::uint8_t>(header.codec));
    writer.number(static_cast<std::uint8_t>(header.sealing));
    writer.number(std::uint8_t{0});
    writer.number(header.raw_bytes);
    writer.number(header.stored_bytes);
    writer.hash(header.hash);
    writer.number(header.payload_sum);
    writer.number(checksum(std::span(out).subspan(start), seed_of(place)));
}

std::optional<RecordHeader> parse_record_header(std::span<std::byte const> bytes, Place place)
{
    if (bytes.size() < kRecordHeaderBytes)
        return {};
    ByteReader reader(bytes.first(kRecordHeaderBytes));
    if (as_text(reader.raw(kRecordMagic.size())) != kRecordMagic)
        return {};
    auto const kind = reader.number<std::uint8_t>();
    auto const codec = reader.number<std::uint8_t>();
    auto const sealing = reader.number<std::uint8_t>();
    auto const zero = reader.number<std::uint8_t>();
    RecordHeader header;
    header.raw_bytes = reader.number<std::uint32_t>();
    header.stored_bytes = reader.number<std::uint32_t>();
    header.hash = reader.hash();
    header.payload_sum = reader.number<std::uint64_t>();
    if (reader.number<std::uint64_t>() != checksum(bytes.first(kSummedHeader), seed_of(place)))
        return {};
    if (kind < 1 || kind > 2 || codec > 1 || sealing > 1 || zero != 0)
        return {};
    header.kind = static_cast<Kind>(kind);
    header.codec = static_cast<Codec>(codec);
    header.sealing = static_cast<Sealing>(sealing);
    return good_lengths(header) ? std::optional(header) : std::nullopt;
}

void put_footer(Bytes& out, std::uint32_t number, std::uint64_t footer_offset,
                std::span<FooterEntry const> entries)
{
    auto const start = out.size();
    ByteWriter writer(out);
    for (auto const& entry : entries) {
        writer.hash(entry.hash);
        writer.number(entry.offset);
        writer.number(entry.stored_bytes | (entry.kind == Kind::page ? kPageBit : 0));
        writer.number(entry.raw_bytes);
    }
    writer.raw(kTrailerMagic);
    writer.number(number);
    writer.number(static_cast<std::uint32_t>(entries.size()));
    writer.number(footer_offset);
    writer.number(checksum(std::span(out).subspan(start)));
}

std::optional<Trailer> parse_trailer(std::span<std::byte const> bytes, std::uint32_t number,
                                     std::uint64_t file_bytes)
{
    ByteReader reader(bytes);
    auto const magic = as_text(reader.raw(kTrailerMagic.size()));
    auto const claimed = reader.number<std::uint32_t>();
    Trailer trailer;
    trailer.count = reader.number<std::uint32_t>();
    trailer.footer_offset = reader.number<std::uint64_t>();
    trailer.sum = reader.number<std::uint64_t>();
    if (reader.bad() || magic != kTrailerMagic || claimed != number)
        return {};
    auto const footer_bytes = trailer.count * std::uint64_t{kFooterEntryBytes} + kTrailerBytes;
    if (trailer.footer_offset < kPackHeaderBytes || footer_bytes > file_bytes ||
        trailer.footer_offset != file_bytes - footer_bytes)
        return {};
    return trailer;
}

Result<std::vector<FooterEntry>> parse_footer(std::span<std::byte const> footer,
                                              Trailer const& trailer)
{
    auto const bad = [] { return fail(Fault::corrupt, "The footer of a pack is damaged"); };
    auto const entry_bytes = trailer.count * std::size_t{kFooterEntryBytes};
    if (footer.size() != entry_bytes + kTrailerBytes ||
        checksum(footer.first(entry_bytes + kSummedTrailer)) != trailer.sum)
        return bad();
    ByteReader reader(footer.first(entry_bytes));
    std::vector<FooterEntry> entries(trailer.count);
    std::uint64_t end = kPackHeaderBytes;
    for (auto& entry : entries) {
        entry.hash = reader.hash();
        entry.offset = reader.number<std::uint32_t>();
        auto const stored = reader.number<std::uint32_t>();
        entry.raw_bytes = reader.number<std::uint32_t>();
        entry.stored_bytes = stored & ~kPageBit;
        entry.kind = (stored & kPageBit) != 0 ? Kind::page : Kind::extent;
        if (entry.offset < end || entry.end() > trailer.footer_offset)
            return bad();
        end = entry.end();
    }
    return entries;
}

} // namespace karat::blocks
