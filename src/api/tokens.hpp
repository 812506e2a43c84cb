// SPDX-License-Identifier: Apache-2.0
// Tokens that callers carry and cannot forge: for reading a block, and for the next page of a list.
// A token is its expiry, a text and an HMAC over both and what it is for; nothing is kept of it.
#pragma once

#include "karat/env.hpp"
#include "karat/hash.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace karat::api {

/// Thread-safe.
class Tokens {
public:
    explicit Tokens(Bytes key)
        : key_(std::move(key))
    {
    }
    /// `purpose` says what the token is good for: who, what, which snapshots. `text` is at most
    /// kLongest bytes, and readable in the token.
    std::string make(std::string_view purpose, std::string_view text, Time expires) const;
    /// The text; nothing unless make() made it for this purpose and `now` is before its expiry.
    std::optional<std::string> read(std::string_view purpose, std::string_view token,
                                    Time now) const;

    static constexpr std::size_t kLongest = 4096;

private:
    Bytes const key_;
};

} // namespace karat::api
