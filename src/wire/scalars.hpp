// SPDX-License-Identifier: Apache-2.0
// Single values between their text on the wire and their place in a struct, and the checks that a
// model asks of them. All failures are Fault::invalid and name the parameter.
#pragma once

#include "shape.hpp"

namespace karat::wire {

/// "Value (x) for parameter P is invalid. Reason". Long values are cut short.
Error invalid_value(std::string_view path, std::string_view value, std::string_view reason);
Error missing_parameter(std::string_view path);
Error unknown_parameter(std::string_view path);

/// Reads `text` into `into`, which the member's make() returned.
Result<void> read_text(Member const& member, std::string_view path, std::string_view text,
                       void* into);

Result<void> check_text(Member const& member, std::string_view path, std::string_view text);
Result<void> check_number(Member const& member, std::string_view path, std::int64_t number);
Result<void> check_count(Member const& member, std::string_view path, std::size_t count);

/// The text of a value that see() found. Not for structures.
std::string write_text(Member const& member, void const* value);

} // namespace karat::wire
