// SPDX-License-Identifier: Apache-2.0
#include "tokens.hpp"

namespace karat::api {
namespace {

constexpr std::size_t kTimeBytes = 8;
constexpr std::size_t kMacBytes = 24;

void put(Bytes& out, std::uint64_t value)
{
    for (int i = kTimeBytes - 1; i >= 0; --i)
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

std::string Tokens::make(std::string_view purpose, std::string_view text, Time expires) const
{
    VERIFY(text.size() <= kLongest);
    Bytes token;
    put(token, static_cast<std::uint64_t>(expires.time_since_epoch().count()));
    token.insert(token.end(), as_bytes(text).begin(), as_bytes(text).end());
    // The byte between keeps texts and purposes apart.
    auto const covered = std::string(as_text(token)).append(1, '\0').append(purpose);
    auto const mac = hmac_sha256(key_, covered);
    token.insert(token.end(), mac.bytes.begin(), mac.bytes.begin() + kMacBytes);
    return to_base64(token);
}

std::optional<std::string> Tokens::read(std::string_view purpose, std::string_view token,
                                        Time now) const
{
    if (token.size() > (kTimeBytes + kLongest + kMacBytes + 2) / 3 * 4)
        return {};
    auto const bytes = from_base64(token);
    if (!bytes.ok() || bytes.value().size() < kTimeBytes + kMacBytes)
        return {};
    auto const all = std::span(bytes.value());
    auto const text = as_text(all.subspan(kTimeBytes, all.size() - kTimeBytes - kMacBytes));
    auto const expires = get(all.first(kTimeBytes));
    if (expires > std::uint64_t{INT64_MAX})
        return {};
    Time const until{std::chrono::milliseconds(static_cast<std::int64_t>(expires))};
    if (!equal_constant_time(make(purpose, text, until), token) || now >= until)
        return {};
    return std::string(text);
}

} // namespace karat::api
