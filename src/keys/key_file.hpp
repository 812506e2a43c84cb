// SPDX-License-Identifier: Apache-2.0
// The text of a key file (FORMAT.md). Pure: no I/O.
#pragma once

#include "karat/keys.hpp"

namespace karat::keys {

inline constexpr std::size_t kMaxKeys = 10'000;
inline constexpr std::size_t kMaxKeyFileBytes = 16 << 20;
inline constexpr std::size_t kMaterialDigits = 2 * kKeyBytes;

/// A line of the file. `material` lies in the text that was parsed, which is secret.
struct KeyLine {
    KeyFacts facts;
    std::string_view material = {};
};

/// Fault::unsupported for a file of another version, Fault::corrupt for anything else that
/// encode_keys() does not write.
Result<std::vector<KeyLine>> parse_keys(std::string_view text);
/// Secret: wipe it after use.
Bytes encode_keys(std::vector<KeyLine> const& lines);

/// The master key of a line.
SecretBytes material_of(KeyLine const& line);
/// As it stands in a line; secret.
Bytes encode_material(SecretBytes const& key);

bool good_alias(std::string_view alias);
bool good_description(std::string_view text);
bool good_scope(KeyScope const& scope);

} // namespace karat::keys
