// SPDX-License-Identifier: Apache-2.0
// The text of query requests: application/x-www-form-urlencoded bodies and the part of a URL after
// '?'. Reads strangers' bytes: every function here is total, bounded and free of recursion.
#pragma once

#include "karat/result.hpp"
#include "karat/wire/params.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace karat::wire {

inline constexpr std::size_t kMaxQueryBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxQueryParams = 10'000;
inline constexpr std::size_t kMaxParamNameBytes = 512;

/// Reads "name=value&name=value" into parameters sorted by name. A blank may come as '+' or "%20";
/// a name without '=' has an empty value; empty pieces (as in "a=1&&b=2&") are skipped.
/// Fault::invalid, naming the parameter where it has a readable name, for: more than the bounds
/// above, a name given twice, a bad percent escape, an empty name, control characters in a name,
/// bytes that are not UTF-8.
Result<Params> parse_query(std::string_view text);

enum class Slash : unsigned char { keep, encode };

/// Percent-encodes every byte but RFC 3986's unreserved ones, as Signature Version 4 wants it.
std::string encode_uri(std::string_view bytes, Slash slash);

/// Undoes percent-encoding, and '+' is a blank. Fault::invalid for a '%' without two hexadecimal
/// digits; the result may hold any bytes.
Result<std::string> decode_query_text(std::string_view text);

/// Whether the bytes are well-formed UTF-8: no overlong forms, surrogates or values past U+10FFFF.
bool is_utf8(std::string_view bytes);

} // namespace karat::wire
