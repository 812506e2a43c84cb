// SPDX-License-Identifier: Apache-2.0
#include "cache_format.hpp"

#include "karat/blocks.hpp"

#include <algorithm>
#include <cstring>
#include <xxhash.h>

namespace karat::blk {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::string_view kFilledMagic = "KARATCF1";
constexpr std::string_view kTraceMagic = "KARATTR1";
constexpr std::size_t kSumBytes = 8;

/// Puts fields one after another into bytes that are large enough.
class Put {
public:
    explicit Put(std::span<std::byte> into)
        : into_(into)
    {
    }
    void raw(std::span<std::byte const> bytes)
    {
        std::memcpy(into_.data() + at_, bytes.data(), bytes.size());
        at_ += bytes.size();
    }
    void word(std::uint64_t value) { raw(std::as_bytes(std::span(&value, 1))); }

private:
    std::span<std::byte> into_;
    std::size_t at_ = 0;
};

std::uint64_t word_at(std::span<std::byte const> bytes, std::size_t at)
{
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

Hash hash_at(std::span<std::byte const> bytes, std::size_t at)
{
    Hash hash;
    std::memcpy(hash.bytes.data(), bytes.data() + at, hash.bytes.size());
    return hash;
}

std::uint64_t sum_of(std::span<std::byte const> bytes, std::uint64_t seed = 0)
{
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

/// Whether the last word is the sum of all before.
bool is_whole(std::span<std::byte const> bytes, std::uint64_t seed = 0)
{
    auto const body = bytes.size() - kSumBytes;
    return word_at(bytes, body) == sum_of(bytes.first(body), seed);
}

} // namespace

BootId boot_id_of(std::string_view text)
{
    auto const hash = sha256(text);
    BootId id;
    std::copy_n(hash.bytes.begin(), id.size(), id.begin());
    return id;
}

HeaderBytes encode_header(Header const& header)
{
    HeaderBytes bytes{};
    Put put(bytes);
    put.raw(as_bytes(kFilledMagic));
    put.word(kVersion);
    put.raw(header.root.bytes);
    put.word(header.size_bytes);
    put.word(header.full_bytes);
    put.raw(header.boot);
    put.word(0);
    put.word(sum_of(std::span(bytes).first(kHeaderBytes - kSumBytes)));
    return bytes;
}

std::optional<Header> decode_header(std::span<std::byte const> bytes)
{
    if (bytes.size() < kHeaderBytes)
        return {};
    bytes = bytes.first(kHeaderBytes);
    if (as_text(bytes.first(kFilledMagic.size())) != kFilledMagic ||
        word_at(bytes, 8) != kVersion || !is_whole(bytes))
        return {};
    Header header{.root = hash_at(bytes, 16),
                  .size_bytes = word_at(bytes, 48),
                  .full_bytes = word_at(bytes, 56)};
    std::copy_n(bytes.begin() + 64, header.boot.size(), header.boot.begin());
    if (header.size_bytes > kMaxVolumeBytes || header.size_bytes % blocks::kBlockBytes != 0 ||
        header.full_bytes > header.size_bytes || word_at(bytes, 80) != 0)
        return {};
    return header;
}

Result<std::optional<Header>> read_header(File& file)
{
    HeaderBytes bytes{};
    auto const got = TRY(file.read_at(0, bytes));
    return decode_header(std::span(bytes).first(got));
}

RecordBytes encode_record(Record const& record, std::uint64_t number)
{
    RecordBytes bytes{};
    Put put(bytes);
    put.word(record.range.offset_bytes);
    put.word(record.range.length_bytes);
    put.word(record.total_bytes);
    put.word(sum_of(std::span(bytes).first(kRecordBytes - kSumBytes), number));
    return bytes;
}

std::optional<Record> decode_record(std::span<std::byte const> bytes, std::uint64_t number,
                                    Header const& header)
{
    if (bytes.size() < kRecordBytes || !is_whole(bytes.first(kRecordBytes), number))
        return {};
    Record const record{{word_at(bytes, 0), word_at(bytes, 8)}, word_at(bytes, 16)};
    auto const& [offset, length] = record.range;
    if (offset % blocks::kBlockBytes != 0 || length % blocks::kBlockBytes != 0 || length == 0 ||
        length > kMaxPieceBytes || offset > header.size_bytes ||
        length > header.size_bytes - offset || record.total_bytes > header.full_bytes ||
        record.total_bytes < length)
        return {};
    return record;
}

Bytes encode_trace(Hash const& root, Trace const& trace)
{
    VERIFY(!trace.empty() && trace.size() <= kMaxTracePieces);
    Bytes bytes(kTraceHeadBytes + 8 * trace.size() + kSumBytes);
    Put put(bytes);
    put.raw(as_bytes(kTraceMagic));
    put.word(kVersion);
    put.raw(root.bytes);
    put.word(trace.size());
    for (auto const offset : trace)
        put.word(offset);
    put.word(sum_of(std::span(bytes).first(bytes.size() - kSumBytes)));
    return bytes;
}

std::optional<Trace> decode_trace(std::span<std::byte const> bytes, Hash const& root)
{
    if (bytes.size() < kTraceHeadBytes + 8 + kSumBytes || bytes.size() > kMaxTraceBytes)
        return {};
    if (as_text(bytes.first(kTraceMagic.size())) != kTraceMagic || word_at(bytes, 8) != kVersion ||
        hash_at(bytes, 16) != root || !is_whole(bytes))
        return {};
    auto const count = (bytes.size() - kTraceHeadBytes - kSumBytes) / 8;
    if (word_at(bytes, 48) != count || bytes.size() % 8 != 0)
        return {};
    Trace trace(count);
    std::memcpy(trace.data(), bytes.data() + kTraceHeadBytes, 8 * count);
    return trace;
}

} // namespace karat::blk
