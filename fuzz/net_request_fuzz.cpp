// SPDX-License-Identifier: Apache-2.0
// What a guest says to the metadata service, as the relay reads it; and what a karat-net hands
// over.
#include "handover.hpp"
#include "one_request.hpp"

#include <algorithm>

namespace karat::net {

static void look_at(std::string_view bytes)
{
    auto const request = read_request(bytes);
    if (request.reading == Reading::complete) {
        // The daemon reads the same end as we did.
        auto const again = read_request(request.forwarded);
        VERIFY(again.forwarded == request.forwarded || request.forwarded.size() > kMaxHeadBytes);
        VERIFY(request.forwarded.size() <= kMaxHeadBytes + kMaxRequestBodyBytes + 32);
    }
    if (request.reading == Reading::incomplete)
        VERIFY(bytes.size() <= kMaxHeadBytes + kMaxRequestBodyBytes);
    for (bool const head_only : {false, true})
        if (read_reply(bytes, head_only, false) == Reading::complete)
            VERIFY(read_reply(bytes, head_only, true) == Reading::complete);
}

} // namespace karat::net

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    std::string text(data, data + size);
    karat::net::look_at(text);
    karat::net::Handover handover;
    auto const read = karat::net::read_pieces({data, size}, handover);
    if (read.ok())
        VERIFY(std::ranges::equal(karat::net::write_pieces(handover), std::span(data, size)));
    return 0;
}
