// SPDX-License-Identifier: Apache-2.0
#include "tokens.hpp"

namespace karat::api::ebs {
namespace {

constexpr std::size_t kHeadBytes = 12; // expiry, number
constexpr std::size_t kMacBytes = 24;
constexpr std::size_t kTextBytes = (kHeadBytes + kMacBytes) / 3 * 4; // base64 without padding

void put(Bytes& out, std::uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; --i)
        out.push_back(static_cast<std::byte>(value >> (8 * i) & 0xff));
}

std::uint64_t get(std::span<std::byte const> bytes)
{
    std::uint64_t value = 0;
    for (auto const byte : bytes)
        value = value << 8 | std::to_integer<std::uint64_t>(byte);
    return value;
}

} // namespace

std::string Tokens::sealed(std::string_view purpose, std::uint32_t number, Time expires) const
{
    Bytes token;
    put(token, static_cast<std::uint64_t>(expires.time_since_epoch().count()), 8);
    put(token, number, 4);
    auto const text = std::string(as_text(token)).append(purpose);
    auto const mac = hmac_sha256(key_, text);
    token.insert(token.end(), mac.bytes.begin(), mac.bytes.begin() + kMacBytes);
    return to_base64(token);
}

std::string Tokens::make(std::string_view purpose, std::uint32_t number, Time expires) const
{
    return sealed(purpose, number, expires);
}

std::optional<std::uint32_t> Tokens::read(std::string_view purpose, std::string_view token,
                                          Time now) const
{
    if (token.size() != kTextBytes)
        return {};
    auto const bytes = from_base64(token);
    if (!bytes.ok() || bytes.value().size() != kHeadBytes + kMacBytes)
        return {};
    auto const head = std::span(bytes.value()).first(kHeadBytes);
    auto const expires = get(head.first(8));
    if (expires > std::uint64_t{INT64_MAX})
        return {};
    auto const number = static_cast<std::uint32_t>(get(head.subspan(8)));
    Time const until{std::chrono::milliseconds(static_cast<std::int64_t>(expires))};
    if (!equal_constant_time(sealed(purpose, number, until), token) || now >= until)
        return {};
    return number;
}

} // namespace karat::api::ebs
