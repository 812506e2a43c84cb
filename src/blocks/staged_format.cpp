// SPDX-License-Identifier: Apache-2.0
#include "staged_format.hpp"

#include "bytes.hpp"
#include "pack_format.hpp"

namespace karat::blocks {
namespace {

constexpr std::size_t kSumAt = 56;

Error bad_head() { return fail(Fault::corrupt, "The head of a staged snapshot is damaged"); }

/// Over a whole record but for the checksum itself.
std::uint64_t sum_of(std::span<std::byte const> record, std::uint64_t offset)
{
    auto const head = checksum(record.first(kSumAt), offset);
    return checksum(record.subspan(kStagedRecordBytes), head);
}

std::optional<std::vector<Slice>> decode_slices(std::span<std::byte const> bytes)
{
    std::vector<Slice> slices;
    std::uint32_t end = 0;
    for (; !bytes.empty(); bytes = bytes.subspan(kStagedExtentBytes)) {
        Slice const slice{
            .start = std::to_integer<std::uint32_t>(bytes[0]),
            .blocks = static_cast<std::uint16_t>(std::to_integer<std::uint32_t>(bytes[1]) + 1),
            .hash = load_hash(bytes.data() + 2),
        };
        if (slice.start < end || slice.end() > kUnitBlocks)
            return {};
        end = slice.end();
        slices.push_back(slice);
    }
    return slices;
}

} // namespace

Bytes encode_staged_head(Manifest const& start)
{
    auto const manifest = encode_manifest(start);
    Bytes out;
    ByteWriter writer(out);
    writer.raw(kStagedMagic);
    writer.number(kVersion);
    writer.number(static_cast<std::uint32_t>(manifest.size()));
    writer.raw(manifest);
    writer.number(checksum(out));
    return out;
}

Result<std::size_t> staged_head_bytes(std::span<std::byte const> first)
{
    ByteReader reader(first);
    if (as_text(reader.raw(kStagedMagic.size())) != kStagedMagic)
        return bad_head();
    auto const version = reader.number<std::uint32_t>();
    auto const manifest_bytes = reader.number<std::uint32_t>();
    if (reader.bad() || version != kVersion || manifest_bytes > kMaxManifestBytes)
        return bad_head();
    return kStagedHeadBytes + manifest_bytes + sizeof(std::uint64_t);
}

Result<Manifest> decode_staged_head(std::span<std::byte const> bytes)
{
    auto const size = TRY(staged_head_bytes(bytes));
    if (bytes.size() != size)
        return bad_head();
    auto const body = bytes.first(size - sizeof(std::uint64_t));
    if (checksum(body) != load<std::uint64_t>(bytes.data() + body.size()))
        return bad_head();
    return decode_manifest(body.subspan(kStagedHeadBytes));
}

Bytes encode_staged_record(StagedRecord const& record, std::uint64_t offset)
{
    Bytes out;
    out.reserve(kStagedRecordBytes + record.slices.size() * kStagedExtentBytes);
    ByteWriter writer(out);
    writer.raw(kStagedRecordMagic);
    writer.number(record.index);
    writer.number(static_cast<std::uint64_t>(record.when.time_since_epoch().count()));
    writer.number(static_cast<std::uint32_t>(record.slices.size()));
    writer.number(std::uint32_t{0});
    writer.hash(record.sum);
    writer.number(std::uint64_t{0}); // the checksum's place
    for (auto const& slice : record.slices) {
        VERIFY(slice.skip == 0 && slice.blocks >= 1 && slice.end() <= kUnitBlocks);
        writer.number(static_cast<std::uint8_t>(slice.start));
        writer.number(static_cast<std::uint8_t>(slice.blocks - 1));
        writer.hash(slice.hash);
    }
    save(out.data() + kSumAt, sum_of(out, offset));
    return out;
}

std::optional<StagedRecord> decode_staged_record(std::span<std::byte const> bytes,
                                                 std::uint64_t offset, std::size_t& size)
{
    if (bytes.size() < kStagedRecordBytes)
        return {};
    ByteReader reader(bytes);
    if (as_text(reader.raw(kStagedRecordMagic.size())) != kStagedRecordMagic)
        return {};
    StagedRecord record;
    record.index = reader.number<std::uint32_t>();
    auto const when = reader.number<std::uint64_t>();
    auto const count = reader.number<std::uint32_t>();
    auto const zero = reader.number<std::uint32_t>();
    record.sum = reader.hash();
    auto const sum = reader.number<std::uint64_t>();
    auto const extents = reader.raw(std::size_t{count} * kStagedExtentBytes);
    if (reader.bad() || count == 0 || count > kUnitBlocks || zero != 0 ||
        record.index >= kMaxVolumeBytes / kStagedUnitBytes || when > std::uint64_t{INT64_MAX})
        return {};
    size = kStagedRecordBytes + extents.size();
    if (sum != sum_of(bytes.first(size), offset))
        return {};
    record.when = Time(std::chrono::milliseconds(static_cast<std::int64_t>(when)));
    auto slices = decode_slices(extents);
    if (!slices)
        return {};
    record.slices = std::move(*slices);
    return record;
}

std::size_t scan_staged(StagedWindow const& window, EachStaged const& each)
{
    auto const& bytes = window.bytes;
    std::size_t at = 0;
    while (bytes.size() - at >= (window.is_last ? kStagedRecordBytes : kMaxStagedRecordBytes)) {
        std::size_t size = 0;
        if (auto const record = decode_staged_record(bytes.subspan(at), window.offset + at, size)) {
            each(*record, window.offset + at, size);
            at += size;
            continue;
        }
        // Damage, or the torn tail: the next record begins with its magic, if there is one.
        auto const next = as_text(bytes.subspan(at + 1)).find(kStagedRecordMagic);
        at = next == std::string_view::npos ? bytes.size() - (kStagedRecordMagic.size() - 1)
                                            : at + 1 + next;
    }
    return window.is_last ? bytes.size() : at;
}

} // namespace karat::blocks
