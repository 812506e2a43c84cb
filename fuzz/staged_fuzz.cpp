// SPDX-License-Identifier: Apache-2.0
// Fuzzes the files of staged snapshots. The first byte chooses: a head; records as they are;
// records whose checksums are made right first, so that what lies behind them is reached.
#include "bytes.hpp"
#include "pack_format.hpp"
#include "staged_format.hpp"

namespace karat::blocks {
namespace {

constexpr std::uint64_t kOffset = 5000; // of the first record in the file

void fuzz_head(std::span<std::byte const> bytes)
{
    auto const head = decode_staged_head(bytes);
    if (head.ok())
        VERIFY(std::ranges::equal(encode_staged_head(head.value()), bytes));
}

/// Whatever is accepted is written back the same, lies in the window and ascends.
void fuzz_records(std::span<std::byte const> bytes)
{
    for (bool const is_last : {true, false}) {
        std::uint64_t end = kOffset;
        auto const each = [&](StagedRecord const& record, std::uint64_t offset, std::size_t size) {
            VERIFY(offset >= end && offset + size <= kOffset + bytes.size());
            end = offset + size;
            VERIFY(std::ranges::equal(encode_staged_record(record, offset),
                                      bytes.subspan(offset - kOffset, size)));
        };
        auto const done = scan_staged({bytes, kOffset, is_last}, each);
        VERIFY(done <= bytes.size() && (!is_last || done == bytes.size()));
        VERIFY(is_last || bytes.size() - done < kMaxStagedRecordBytes);
    }
}

/// Makes the checksum of everything that begins like a record right.
void sign(Bytes& bytes)
{
    constexpr std::size_t kSumAt = 56;
    for (std::size_t at = 0; at + kStagedRecordBytes <= bytes.size();) {
        auto const record = std::span(bytes).subspan(at);
        auto const count = load<std::uint32_t>(record.data() + 16);
        auto const size = kStagedRecordBytes + std::size_t{count} * kStagedExtentBytes;
        if (as_text(record.first(4)) != kStagedRecordMagic || count > kUnitBlocks ||
            size > record.size()) {
            ++at;
            continue;
        }
        auto const head = checksum(record.first(kSumAt), kOffset + at);
        save(record.data() + kSumAt,
             checksum(record.subspan(kStagedRecordBytes, size - kStagedRecordBytes), head));
        at += size;
    }
}

} // namespace
} // namespace karat::blocks

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size)
{
    using namespace karat;
    using namespace karat::blocks;
    if (size < 1)
        return 0;
    auto const input = std::as_bytes(std::span(data, size)).subspan(1);
    Bytes bytes(input.begin(), input.end());
    switch (data[0] % 3) {
    case 0:
        fuzz_head(bytes);
        break;
    case 1:
        fuzz_records(bytes);
        break;
    default:
        sign(bytes);
        fuzz_records(bytes);
    }
    return 0;
}
