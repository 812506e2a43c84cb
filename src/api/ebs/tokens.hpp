// SPDX-License-Identifier: Apache-2.0
// Tokens that callers carry and cannot forge: for reading a block, and for the next page of a list.
// A token is its expiry, a number and an HMAC over both and what it is for; nothing is kept of it.
#pragma once

#include "karat/env.hpp"
#include "karat/hash.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace karat::api::ebs {

/// Thread-safe.
class Tokens {
public:
    explicit Tokens(Bytes key)
        : key_(std::move(key))
    {
    }
    /// `purpose` says what the token is good for: who, what, which snapshots.
    std::string make(std::string_view purpose, std::uint32_t number, Time expires) const;
    /// The number; nothing unless make() made it for this purpose and `now` is before its expiry.
    std::optional<std::uint32_t> read(std::string_view purpose, std::string_view token,
                                      Time now) const;

private:
    std::string sealed(std::string_view purpose, std::uint32_t number, Time expires) const;

    Bytes const key_;
};

} // namespace karat::api::ebs
