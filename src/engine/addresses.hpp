// SPDX-License-Identifier: Apache-2.0
// Addresses and blocks of addresses as callers write them: read strictly, kept in one spelling.
// Private to the room.
#pragma once

#include "karat/result.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace karat::engine {

/// "172.31.0.4" in host byte order; nothing for anything else, leading zeros and blanks included.
std::optional<std::uint32_t> parse_ipv4(std::string_view text);
std::string dotted(std::uint32_t address);

/// A block: the bits of the address past `prefix_bits` are zero.
struct Cidr {
    bool ipv6 = false;
    std::array<unsigned char, 16> address{}; ///< An IPv4 address has the first four bytes.
    int prefix_bits = 0;
    /// The one spelling: "10.0.0.0/8", "2001:db8::/32".
    std::string text() const;
    bool holds_ipv4(std::uint32_t host) const;
};

/// Clears the bits past the prefix, so that "1.2.3.4/24" is 1.2.3.0/24. Fault::invalid for what is
/// no block.
Result<Cidr> parse_cidr(std::string_view text);

} // namespace karat::engine
