// SPDX-License-Identifier: Apache-2.0
// By rtnetlink (rtnetlink(7)): the kernel's table "local" lists what it delivers to itself.
#include "host_addresses.hpp"

#include "os_error.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace karat::net {
namespace {

constexpr std::size_t kPieceBytes = 32 * 1024; // a dump comes in pieces of at most this
constexpr std::size_t kMaxRanges = 65'536;
constexpr timeval kPatience = {.tv_sec = 2, .tv_usec = 0};

Result<Fd> open_netlink(unsigned groups)
{
    Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    sockaddr_nl address = {};
    address.nl_family = AF_NETLINK;
    address.nl_groups = groups;
    void const* const place = &address;
    if (!fd.open() || ::bind(fd.get(), static_cast<sockaddr const*>(place), sizeof address) != 0)
        return os_error("ask for this host's addresses");
    return fd;
}

Result<void> ask(Fd const& netlink)
{
    struct {
        nlmsghdr header;
        rtmsg route;
    } request = {};
    request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.route);
    request.header.nlmsg_type = RTM_GETROUTE;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.route.rtm_family = AF_INET;
    request.route.rtm_table = RT_TABLE_LOCAL;
    if (::setsockopt(netlink.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience) != 0 ||
        ::send(netlink.get(), &request, sizeof request, 0) < 0)
        return os_error("ask for this host's addresses");
    return {};
}

/// Adds the destination of a route that ends here.
void take_route(nlmsghdr* header, std::vector<HostAddresses::Range>& ranges)
{
    auto const* const route = static_cast<rtmsg const*>(NLMSG_DATA(header));
    bool const here = route->rtm_type == RTN_LOCAL || route->rtm_type == RTN_BROADCAST ||
                      route->rtm_type == RTN_ANYCAST;
    if (!here || route->rtm_family != AF_INET || ranges.size() >= kMaxRanges)
        return;
    auto left = RTM_PAYLOAD(header);
    for (auto* part = RTM_RTA(route); RTA_OK(part, left); part = RTA_NEXT(part, left)) {
        if (part->rta_type != RTA_DST || RTA_PAYLOAD(part) != 4)
            continue;
        ConstFrame const address(static_cast<std::uint8_t const*>(RTA_DATA(part)), 4);
        ranges.push_back({load32(address, 0), route->rtm_dst_len});
    }
}

/// Takes one piece of the answer; true when it was the last.
Result<bool> take_piece(std::span<std::byte> piece, std::vector<HostAddresses::Range>& ranges)
{
    void* const start = piece.data();
    auto left = static_cast<unsigned>(piece.size());
    for (auto* header = static_cast<nlmsghdr*>(start); NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left)) {
        if (header->nlmsg_type == NLMSG_DONE)
            return true;
        if (header->nlmsg_type == NLMSG_ERROR)
            return fail(Fault::io, "The kernel does not tell this host's addresses");
        if (header->nlmsg_type == RTM_NEWROUTE && header->nlmsg_len >= NLMSG_LENGTH(sizeof(rtmsg)))
            take_route(header, ranges);
    }
    return false;
}

} // namespace

Result<HostAddresses> HostAddresses::read()
{
    auto const netlink = TRY(open_netlink(0));
    TRY(ask(netlink));
    std::vector<Range> ranges;
    for (;;) {
        alignas(nlmsghdr) std::array<std::byte, kPieceBytes> piece; // NOLINT: filled by recv
        auto const got = ::recv(netlink.get(), piece.data(), piece.size(), 0);
        if (got <= 0)
            return os_error("read this host's addresses");
        if (TRY(take_piece(std::span(piece).first(static_cast<std::size_t>(got)), ranges)))
            return HostAddresses(std::move(ranges));
    }
}

bool HostAddresses::contain(Ipv4 address) const
{
    return std::ranges::any_of(ranges_, [=](Range const& range) {
        auto const mask = range.prefix == 0 ? 0 : ~Ipv4{0} << (32 - range.prefix);
        return ((address ^ range.address) & mask) == 0;
    });
}

Result<Fd> watch_host_addresses() { return open_netlink(RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE); }

void forget_changes(Fd const& watch)
{
    std::array<std::byte, 4096> change; // NOLINT: filled by recv, and not looked at
    while (::recv(watch.get(), change.data(), change.size(), MSG_DONTWAIT | MSG_TRUNC) > 0)
        continue;
}

} // namespace karat::net
