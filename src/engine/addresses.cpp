// SPDX-License-Identifier: Apache-2.0
#include "addresses.hpp"

#include "karat/ids.hpp"
#include "karat/text.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <fmt/format.h>

namespace karat::engine {
namespace {

Error malformed(std::string_view text)
{
    return {Fault::invalid, Noun::none,
            fmt::format("CIDR block {} is malformed", text.substr(0, 64))};
}

/// inet_pton reads up to a NUL, which text of callers may hold.
bool read_address(int family, std::string_view text, void* into)
{
    return text.find('\0') == std::string_view::npos &&
           ::inet_pton(family, std::string(text).c_str(), into) == 1;
}

/// Digits and nothing else; "08" and "+8" are no way to write 8.
std::optional<int> read_bits(std::string_view text, int most)
{
    auto const bits = number_of<int>(text);
    if (!bits || *bits < 0 || *bits > most || std::to_string(*bits) != text)
        return std::nullopt;
    return bits;
}

void clear_host_bits(Cidr& cidr)
{
    for (std::size_t i = 0; i < cidr.address.size(); ++i) {
        auto const kept = std::clamp(cidr.prefix_bits - static_cast<int>(i) * 8, 0, 8);
        cidr.address.at(i) = static_cast<unsigned char>(cidr.address.at(i) & (0xff00U >> kept));
    }
}

} // namespace

std::optional<std::uint32_t> parse_ipv4(std::string_view text)
{
    in_addr address = {};
    if (!read_address(AF_INET, text, &address))
        return std::nullopt;
    return ntohl(address.s_addr);
}

std::string dotted(std::uint32_t address)
{
    return fmt::format("{}.{}.{}.{}", address >> 24, address >> 16 & 255, address >> 8 & 255,
                       address & 255);
}

std::string Cidr::text() const
{
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    auto const* const written =
        ::inet_ntop(ipv6 ? AF_INET6 : AF_INET, address.data(), buffer.data(), buffer.size());
    VERIFY(written != nullptr); // the buffer holds any address
    return fmt::format("{}/{}", written, prefix_bits);
}

bool Cidr::holds_ipv4(std::uint32_t host) const
{
    auto const own = static_cast<std::uint32_t>(address[0]) << 24 |
                     static_cast<std::uint32_t>(address[1]) << 16 |
                     static_cast<std::uint32_t>(address[2]) << 8 | address[3];
    auto const mask = prefix_bits == 0 ? 0U : ~0U << (32 - prefix_bits);
    return !ipv6 && (host & mask) == own;
}

Result<Cidr> parse_cidr(std::string_view text)
{
    auto const slash = text.find('/');
    if (slash == std::string_view::npos)
        return malformed(text);
    auto const host = text.substr(0, slash);
    Cidr cidr{.ipv6 = host.find(':') != std::string_view::npos};
    auto const bits = read_bits(text.substr(slash + 1), cidr.ipv6 ? 128 : 32);
    if (!bits || !read_address(cidr.ipv6 ? AF_INET6 : AF_INET, host, cidr.address.data()))
        return malformed(text);
    cidr.prefix_bits = *bits;
    clear_host_bits(cidr);
    return cidr;
}

} // namespace karat::engine
