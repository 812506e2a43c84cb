// SPDX-License-Identifier: Apache-2.0
// Fuzzes what the collector and the scrub leave on disk. The first byte chooses: the list of
// condemned records as it is; with its checksum made right; the scrub's cursor.
#include "bytes.hpp"
#include "condemned.hpp"
#include "scrub.hpp"
#include "sign.hpp"

namespace karat::blocks {
namespace {

/// What is accepted is written back the same, but for the edition.
void expect_round_trip(std::span<std::byte const> bytes)
{
    auto list = Condemned::decode(bytes);
    if (!list.ok())
        return;
    auto const again = list.value().encode();
    VERIFY(again.size() == bytes.size());
    auto const back = Condemned::decode(again);
    VERIFY(back.ok() && back.value().count() == list.value().count());
    VERIFY(Condemned::edition_of(again) == Condemned::edition_of(bytes) + 1);
    list.value().pardon_all();
    VERIFY(list.value().count() == 0);
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
        expect_round_trip(bytes);
        break;
    case 1:
        sign(bytes);
        expect_round_trip(bytes);
        break;
    default:
        if (auto const cursor = decode_cursor(as_text(bytes)); cursor.ok())
            VERIFY(decode_cursor(encode_cursor(cursor.value())).ok());
    }
    return 0;
}
