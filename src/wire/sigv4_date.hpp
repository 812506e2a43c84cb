// SPDX-License-Identifier: Apache-2.0
// The two forms in which a signer dates a request.
#pragma once

#include "karat/env.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace karat::wire::sigv4 {

/// "20150830T123600Z"; nothing for any other form or for a time that no calendar has.
std::optional<Time> parse_basic_time(std::string_view text);
/// "Sun, 30 Aug 2015 12:36:00 GMT" (or -0000, +0000) as the basic form; nothing for any other.
std::optional<std::string> basic_from_http_date(std::string_view text);

} // namespace karat::wire::sigv4
