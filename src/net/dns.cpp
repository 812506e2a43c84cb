// SPDX-License-Identifier: Apache-2.0
// A message (RFC 1035 §4.1) is a header of 12 bytes - id, flags, four counts - then questions: a
// name as labels that begin with their length, its type and class. An answer repeats the name by a
// pointer to the question.
#include "dns.hpp"

#include "packet.hpp"
#include "udp_frame.hpp"

#include "karat/text.hpp"

#include <algorithm>

namespace karat::net {
namespace {

using namespace packet;
using Octets = std::vector<std::uint8_t>;

// Offsets in the message.
constexpr std::size_t kFlags = 2;
constexpr std::size_t kQuestions = 4;
constexpr std::size_t kAnswers = 6;
constexpr std::size_t kAuthorities = 8;
constexpr std::size_t kAdditional = 10;
constexpr std::size_t kQuestion = 12;

constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxName = 255;
constexpr std::uint16_t kTypeA = 1;
constexpr std::uint16_t kTypePtr = 12;
constexpr std::uint16_t kInternet = 1;
constexpr std::uint16_t kNameOfQuestion = 0xc000 | kQuestion;
constexpr std::uint32_t kTtlSeconds = 60; // as EC2's
constexpr std::string_view kReverse = ".in-addr.arpa";

struct Question {
    std::string name; ///< In lower case, without a dot at the end.
    std::uint16_t type = 0;
    std::size_t end = 0; ///< Where the question ends in the message.
};

std::optional<Question> read_question(ConstFrame message)
{
    constexpr unsigned kReplyOrOperation = 0xf800;
    if (message.size() < kQuestion || (load16(message, kFlags) & kReplyOrOperation) != 0 ||
        load16(message, kQuestions) != 1 || load16(message, kAnswers) != 0)
        return std::nullopt;
    Question question;
    auto at = kQuestion;
    while (at < message.size() && message[at] != 0) {
        std::size_t const length = message[at];
        if (length > kMaxLabel || at + 1 + length >= message.size() ||
            question.name.size() + length > kMaxName)
            return std::nullopt;
        question.name += question.name.empty() ? "" : ".";
        for (auto const byte : message.subspan(at + 1, length)) {
            if (byte == '.') // would look like two labels
                return std::nullopt;
            question.name += static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
        }
        at += 1 + length;
    }
    if (at + 5 > message.size() || load16(message, at + 3) != kInternet)
        return std::nullopt;
    question.type = load16(message, at + 1);
    question.end = at + 5;
    return question;
}

/// Four numbers with `mark` between them.
std::optional<Ipv4> address_in(std::string_view text, char mark)
{
    std::string dotted(text);
    if (mark != '.' && dotted.find('.') != std::string::npos)
        return std::nullopt;
    std::ranges::replace(dotted, mark, '.');
    auto const address = parse_ipv4(dotted);
    return address.ok() ? std::optional(address.value()) : std::nullopt;
}

Octets labels(std::string_view name)
{
    Octets octets;
    while (!name.empty()) {
        auto const label = take_until(name, '.');
        octets.push_back(static_cast<std::uint8_t>(label.size()));
        octets.insert(octets.end(), label.begin(), label.end());
    }
    octets.push_back(0);
    return octets;
}

/// What is known of a question: that it is ours, whether the name exists, and its record.
struct Known {
    bool exists = false;
    std::uint16_t type = 0; ///< Of the record, the only one that the name has.
    Octets data;
};

std::optional<Known> look_up(Addresses const& addresses, std::string_view name)
{
    std::string_view const domain = addresses.domain;
    if (name == domain)
        return Known{.exists = true, .type = 0, .data = {}};
    if (name.ends_with(kReverse)) {
        name.remove_suffix(kReverse.size());
        auto const turned = address_in(name, '.');
        auto const address = turned.value_or(0);
        Ipv4 const ip =
            address >> 24 | (address >> 8 & 0xff00U) | (address << 8 & 0xff0000U) | address << 24;
        if (!turned || !addresses.in_subnet(ip))
            return std::nullopt;
        return Known{true, kTypePtr, labels(host_name_of(ip) + "." + addresses.domain)};
    }
    if (!name.ends_with(domain) || name[name.size() - domain.size() - 1] != '.')
        return std::nullopt;
    name.remove_suffix(domain.size() + 1);
    auto const ip = name.starts_with("ip-") ? address_in(name.substr(3), '-') : std::nullopt;
    if (!ip || !addresses.in_subnet(*ip))
        return Known{};
    Octets data(4);
    store32(data, 0, *ip);
    return Known{true, kTypeA, std::move(data)};
}

void append_record(Octets& reply, Known const& known)
{
    auto const at = reply.size();
    reply.resize(at + 12);
    store16(reply, at, kNameOfQuestion);
    store16(reply, at + 2, known.type);
    store16(reply, at + 4, kInternet);
    store32(reply, at + 6, kTtlSeconds);
    store16(reply, at + 10, static_cast<std::uint16_t>(known.data.size()));
    reply.insert(reply.end(), known.data.begin(), known.data.end());
}

Octets make_reply(ConstFrame message, Question const& question, Known const& known)
{
    constexpr unsigned kReplyFromAuthority = 0x8480; // and recursion is to be had
    constexpr unsigned kRecursionWanted = 0x0100;
    constexpr unsigned kNoSuchName = 3;
    Octets reply(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(question.end));
    bool const answered = known.exists && known.type == question.type;
    auto const flags = kReplyFromAuthority | (load16(message, kFlags) & kRecursionWanted) |
                       (known.exists ? 0U : kNoSuchName);
    store16(reply, kFlags, static_cast<std::uint16_t>(flags));
    store16(reply, kAnswers, answered ? 1 : 0);
    store16(reply, kAuthorities, 0);
    store16(reply, kAdditional, 0);
    if (answered)
        append_record(reply, known);
    return reply;
}

} // namespace

std::optional<std::vector<std::uint8_t>> answer_dns(Addresses const& addresses, ConstFrame request)
{
    if (addresses.domain.empty())
        return std::nullopt;
    auto const message = udp_message(request);
    auto const question = read_question(message);
    if (!question)
        return std::nullopt;
    auto const known = look_up(addresses, question->name);
    if (!known)
        return std::nullopt;
    auto const header = (request[kIp] & 0x0fU) * std::size_t{4};
    return udp_frame(addresses,
                     {.from = addresses.dns,
                      .to = addresses.guest,
                      .from_port = 53,
                      .to_port = load16(request, kIp + header)},
                     make_reply(message, *question, *known));
}

} // namespace karat::net
