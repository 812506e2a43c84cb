// SPDX-License-Identifier: Apache-2.0
#include "addresses.hpp"

#include "karat/text.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <fmt/format.h>

namespace karat::net {
namespace {

constexpr int kLongestPrefix = 28; // EC2's smallest subnet; .0 to .3 and the last are reserved
constexpr int kShortestPrefix = 8;

Error malformed(std::string_view what, std::string_view text)
{
    return fail(Fault::invalid, fmt::format("{} is not {}", text, what));
}

Result<int> parse_prefix(std::string_view text)
{
    auto const prefix = number_of<int>(text);
    if (!prefix || *prefix < kShortestPrefix || *prefix > kLongestPrefix)
        return malformed("the length of a subnet's prefix", text);
    return *prefix;
}

bool is_domain(std::string_view text)
{
    constexpr std::size_t kLongest = 200; // with a host's name before it, a name of DNS
    return text.size() <= kLongest && std::ranges::all_of(text, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
           });
}

} // namespace

std::string host_name_of(Ipv4 ip)
{
    return fmt::format("ip-{}-{}-{}-{}", ip >> 24, ip >> 16 & 255U, ip >> 8 & 255U, ip & 255U);
}

Result<Ipv4> parse_ipv4(std::string_view text)
{
    in_addr address = {};
    if (::inet_pton(AF_INET, std::string(text).c_str(), &address) != 1)
        return malformed("an IPv4 address", text);
    return Ipv4{ntohl(address.s_addr)};
}

Result<Mac> parse_mac(std::string_view text)
{
    Mac mac{};
    if (text.size() != 17)
        return malformed("a MAC address", text);
    for (std::size_t i = 0; i < mac.size(); ++i) {
        auto const* const at = text.data() + 3 * i;
        auto const [end, code] = std::from_chars(at, at + 2, mac[i], 16);
        if (code != std::errc() || end != at + 2 || (i < 5 && at[2] != ':'))
            return malformed("a MAC address", text);
    }
    return mac;
}

Result<Addresses> addresses_of(Settings const& settings)
{
    std::string_view const cidr = settings.subnet_cidr;
    auto const slash = cidr.find('/');
    if (slash == std::string_view::npos)
        return malformed("a subnet", cidr);
    auto const base = TRY(parse_ipv4(cidr.substr(0, slash)));
    auto const prefix = TRY(parse_prefix(cidr.substr(slash + 1)));
    Addresses addresses;
    addresses.mask = ~Ipv4{0} << (32 - prefix);
    addresses.network = base & addresses.mask;
    addresses.router = addresses.network + 1;
    addresses.dns = addresses.network + 2;
    addresses.inside = addresses.network + 3;
    addresses.guest = TRY(parse_ipv4(settings.private_ip));
    addresses.guest_mac = TRY(parse_mac(settings.mac));
    addresses.router_mac = {0x52, 0x55};
    store32(std::span(addresses.router_mac), 2, addresses.router);
    if (!is_domain(settings.domain))
        return malformed("a domain", settings.domain);
    addresses.domain = settings.domain;
    auto const broadcast = addresses.network | ~addresses.mask;
    if (!addresses.in_subnet(addresses.guest) || addresses.guest <= addresses.inside ||
        addresses.guest == broadcast)
        return malformed("a host of " + settings.subnet_cidr, settings.private_ip);
    return addresses;
}

} // namespace karat::net
