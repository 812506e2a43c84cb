// SPDX-License-Identifier: Apache-2.0
// The parts of a signed request, read once with their bounds, and their canonical forms.
#pragma once

#include "karat/wire/sigv4.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace karat::wire::sigv4 {

inline constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
inline constexpr std::string_view kTerminator = "aws4_request";
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

struct Header {
    std::string name;  ///< Lower-case.
    std::string value; ///< Trimmed, runs of blanks folded to one.
};

struct Parts {
    std::vector<Header> headers; ///< Sorted by name; those of one name in the order sent.
    std::vector<Param> query;    ///< Decoded, in the order sent.

    /// How often the header is there; `name` is lower-case.
    std::size_t header_count(std::string_view name) const;
    /// The values of the header joined with ','.
    std::optional<std::string> header(std::string_view name) const;
    std::size_t param_count(std::string_view name) const;
    std::optional<std::string> param(std::string_view name) const;
};

/// Refused when over the bounds, or when a header, an escape or the method is malformed.
Checked<Parts> read_parts(SignedRequest const& request);

/// Trims, and folds each run of blanks and line breaks to one blank.
std::string fold_blanks(std::string_view value);

bool is_lower_hex_digest(std::string_view text);
/// Whether every character is one of a header name's.
bool is_token(std::string_view text);
bool starts_with_ignoring_case(std::string_view text, std::string_view lower_prefix);

/// Name=value pairs, encoded anew and sorted by encoded name, then value, without `left_out`.
std::string canonical_query(std::vector<Param> const& query,
                            std::vector<std::string_view> const& left_out);
std::string canonical_path(std::string_view path, PathForm form);

} // namespace karat::wire::sigv4
