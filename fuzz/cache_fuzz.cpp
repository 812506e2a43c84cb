// SPDX-License-Identifier: Apache-2.0
// Fuzzes the files of the host cache. The first byte chooses: a header; a record; a trace; the last
// two with their checksums made right.
#include "cache_format.hpp"

#include <algorithm>
#include <cstring>
#include <xxhash.h>

namespace karat::blk {
namespace {

Header const kHeader{.root = sha256("x"), .size_bytes = 1 << 30, .full_bytes = 1 << 28};

void sign(Bytes& bytes)
{
    if (bytes.size() < 8)
        return;
    auto const body = bytes.size() - 8;
    auto const sum = XXH3_64bits_withSeed(bytes.data(), body, 0);
    std::memcpy(bytes.data() + body, &sum, sizeof sum);
}

void read_header(std::span<std::byte const> bytes)
{
    if (auto const header = decode_header(bytes))
        VERIFY(std::ranges::equal(encode_header(*header), bytes.first(kHeaderBytes)));
}

void read_record(std::span<std::byte const> bytes)
{
    auto const record = decode_record(bytes, 0, kHeader);
    if (!record)
        return;
    VERIFY(record->range.end_bytes() <= kHeader.size_bytes);
    VERIFY(std::ranges::equal(encode_record(*record, 0), bytes.first(kRecordBytes)));
}

void read_trace(std::span<std::byte const> bytes)
{
    if (auto const trace = decode_trace(bytes, kHeader.root))
        VERIFY(std::ranges::equal(encode_trace(kHeader.root, *trace), bytes));
}

/// Makes the parts right that no fuzzer finds.
void complete_trace(Bytes& bytes)
{
    if (bytes.size() < kTraceHeadBytes)
        return;
    Trace const any{0};
    std::copy_n(encode_trace(kHeader.root, any).begin(), 48, bytes.begin());
    sign(bytes);
}

} // namespace
} // namespace karat::blk

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size)
{
    using namespace karat::blk;
    if (size < 1)
        return 0;
    auto const input = std::as_bytes(std::span(data, size)).subspan(1);
    karat::Bytes bytes(input.begin(), input.end());
    switch (data[0] % 5) {
    case 0:
        read_header(bytes);
        break;
    case 1:
        read_record(bytes);
        break;
    case 2:
        read_trace(bytes);
        break;
    case 3:
        sign(bytes);
        read_header(bytes);
        read_record(bytes);
        break;
    default:
        complete_trace(bytes);
        read_trace(bytes);
    }
    return 0;
}
