// SPDX-License-Identifier: Apache-2.0
// A message is a UDP datagram: a fixed part of 236 bytes, a cookie of 4, then options
// (code, length, value), 255 at the end.
#include "dhcp.hpp"

#include "packet.hpp"
#include "udp_frame.hpp"

#include <algorithm>
#include <string_view>

namespace karat::net {
namespace {

using namespace packet;

// Offsets in the message.
constexpr std::size_t kOperation = 0;
constexpr std::size_t kFlags = 10;
constexpr std::size_t kClientIp = 12;
constexpr std::size_t kYourIp = 16;
constexpr std::size_t kServerIp = 20;
constexpr std::size_t kClientMac = 28;
constexpr std::size_t kCookie = 236;
constexpr std::size_t kOptions = 240;
constexpr std::uint32_t kCookieValue = 0x63825363;
constexpr std::size_t kSmallestMessage = 300; // RFC 1542: some clients refuse shorter ones

enum Option : std::uint8_t {
    pad = 0,
    subnet_mask = 1,
    router = 3,
    name_server = 6,
    host_name = 12,
    domain_name = 15,
    interface_mtu = 26,
    broadcast_address = 28,
    requested_address = 50,
    lease_seconds = 51,
    message_type = 53,
    server_identifier = 54,
    end = 255,
};

enum class Type : std::uint8_t {
    none = 0,
    discover = 1,
    offer = 2,
    request = 3,
    decline = 4,
    ack = 5,
    nak = 6,
    release = 7,
    inform = 8,
};

constexpr std::uint32_t kLeaseSeconds = 24 * 60 * 60;
constexpr std::uint16_t kMtu = 1500;

struct Asked {
    Type type = Type::none;
    std::optional<Ipv4> address;
    std::optional<Ipv4> server;
};

void read_option(Asked& asked, std::uint8_t code, ConstFrame value)
{
    if (code == message_type && value.size() == 1 && value[0] <= 8)
        asked.type = static_cast<Type>(value[0]);
    if (code == requested_address && value.size() == 4)
        asked.address = load32(value, 0);
    if (code == server_identifier && value.size() == 4)
        asked.server = load32(value, 0);
}

Asked read_options(ConstFrame message)
{
    Asked asked;
    for (std::size_t at = kOptions; at < message.size() && message[at] != end;) {
        if (message[at] == pad) {
            ++at;
            continue;
        }
        if (at + 2 > message.size() || at + 2 + message[at + 1] > message.size())
            break;
        read_option(asked, message[at], message.subspan(at + 2, message[at + 1]));
        at += std::size_t{2} + message[at + 1];
    }
    return asked;
}

/// The reply's type; none for silence.
Type decide(Addresses const& addresses, ConstFrame message, Asked const& asked)
{
    if (asked.type == Type::discover)
        return Type::offer;
    if (asked.type == Type::inform)
        return Type::ack;
    if (asked.type != Type::request)
        return Type::none;
    if (asked.server && *asked.server != addresses.router)
        return Type::none; // the guest took another server's offer
    auto const wanted = asked.address.value_or(load32(message, kClientIp));
    return wanted == addresses.guest ? Type::ack : Type::nak;
}

void put(std::vector<std::uint8_t>& message, Option code, std::string_view value)
{
    message.push_back(code);
    message.push_back(static_cast<std::uint8_t>(value.size()));
    message.insert(message.end(), value.begin(), value.end());
}

void put32(std::vector<std::uint8_t>& message, Option code, std::uint32_t value)
{
    message.push_back(code);
    message.push_back(4);
    message.resize(message.size() + 4);
    store32(message, message.size() - 4, value);
}

void put_lease(std::vector<std::uint8_t>& message, Addresses const& addresses, bool inform)
{
    if (!inform)
        put32(message, lease_seconds, kLeaseSeconds);
    put32(message, subnet_mask, addresses.mask);
    put32(message, router, addresses.router);
    put32(message, name_server, addresses.dns);
    put32(message, broadcast_address, addresses.network | ~addresses.mask);
    message.insert(message.end(), {interface_mtu, 2, kMtu >> 8, kMtu & 0xff});
    put(message, host_name, host_name_of(addresses.guest));
    if (!addresses.domain.empty())
        put(message, domain_name, addresses.domain);
}

std::vector<std::uint8_t> make_message(Addresses const& addresses, ConstFrame asked, Type type,
                                       bool inform)
{
    std::vector<std::uint8_t> message(asked.begin(), asked.begin() + kOptions);
    message[kOperation] = 2;
    std::fill(message.begin() + 44, message.begin() + kCookie, std::uint8_t{0}); // names, unused
    store32(message, kYourIp, type == Type::nak || inform ? 0 : addresses.guest);
    store32(message, kServerIp, type == Type::nak ? 0 : addresses.router);
    message.insert(message.end(), {message_type, 1, static_cast<std::uint8_t>(type)});
    put32(message, server_identifier, addresses.router);
    if (type != Type::nak)
        put_lease(message, addresses, inform);
    message.push_back(end);
    message.resize(std::max(message.size(), kSmallestMessage));
    return message;
}

/// Where the answer goes (RFC 2131 §4.1).
Ipv4 destination(Addresses const& addresses, ConstFrame message, Type type)
{
    auto const client = load32(message, kClientIp);
    bool const broadcast = (load16(message, kFlags) & 0x8000U) != 0;
    if (type == Type::nak)
        return kEverybody;
    if (client != 0)
        return client;
    return broadcast ? kEverybody : addresses.guest;
}

} // namespace

std::optional<std::vector<std::uint8_t>> answer_dhcp(Addresses const& addresses, ConstFrame request)
{
    auto const message = udp_message(request);
    if (message.size() < kOptions || message[kOperation] != 1 ||
        load32(message, kCookie) != kCookieValue)
        return std::nullopt;
    if (!std::ranges::equal(message.subspan(kClientMac, 6), addresses.guest_mac))
        return std::nullopt;
    auto const asked = read_options(message);
    auto const type = decide(addresses, message, asked);
    if (type == Type::none)
        return std::nullopt;
    auto const reply = make_message(addresses, message, type, asked.type == Type::inform);
    return udp_frame(addresses,
                     {.from = addresses.router,
                      .to = destination(addresses, message, type),
                      .from_port = 67,
                      .to_port = 68},
                     reply);
}

} // namespace karat::net
