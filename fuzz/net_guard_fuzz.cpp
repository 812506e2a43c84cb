// SPDX-License-Identifier: Apache-2.0
// A hostile guest's stream: frames, their judgement, and the answers that karat-net makes itself.
#include "dhcp.hpp"
#include "dns.hpp"
#include "frame_link.hpp"
#include "frames_for_test.hpp"
#include "guard.hpp"

namespace karat::net {

static void look_at(ConstFrame frame)
{
    static Addresses const guest = addresses();
    switch (judge(guest, {}, frame)) {
    case Verdict::drop:
    case Verdict::pass:
        return;
    case Verdict::dhcp:
        if (auto const reply = answer_dhcp(guest, frame))
            VERIFY(checksums_hold(*reply));
        return;
    case Verdict::dns:
        if (auto const reply = answer_dns(guest, frame))
            VERIFY(checksums_hold(*reply));
        return;
    case Verdict::imds: {
        std::vector<std::uint8_t> copy(frame.begin(), frame.end());
        rewrite_destination(copy, guest.inside);
        VERIFY(judge(guest, {}, copy) == Verdict::drop); // nobody gets there by that address
        return;
    }
    case Verdict::imds_arp:
        VERIFY(load32(answer_imds_arp(guest, frame), 28) == kImds);
        return;
    }
}

} // namespace karat::net

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    karat::net::look_at({data, size});
    karat::net::FrameReader reader;
    // Two pieces, cut where the first byte says.
    auto const cut = size == 0 ? 0 : data[0] % size;
    auto const first = reader.feed({data, cut}, karat::net::look_at);
    if (first.ok())
        static_cast<void>(reader.feed({data + cut, size - cut}, karat::net::look_at).ok());
    return 0;
}
