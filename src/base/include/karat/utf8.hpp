// SPDX-License-Identifier: Apache-2.0
// UTF-8 (RFC 3629), read one code point at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace karat {

struct CodePoint {
    std::uint32_t value;
    std::size_t length_bytes;
};

/// The code point at the front of `text`, which is not empty; nothing if it is malformed there: cut
/// short, overlong, a surrogate or past U+10FFFF.
std::optional<CodePoint> first_code_point(std::string_view text);

/// Whether all of the text is well formed.
bool is_whole_utf8(std::string_view text);

/// How many code points well-formed text has.
std::size_t count_code_points(std::string_view text);

} // namespace karat
