// SPDX-License-Identifier: Apache-2.0
// The checksum of a row: the one place that says what it covers and how it is computed.
//
// A noun's row has that of its document. The other columns are copies out of the document, and who
// reads a row compares them. A row that is no noun's has that of all its columns.
#pragma once

#include "karat/hash.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace karat::catalog {

/// The first 32 hexadecimal digits of the SHA-256 of the table's name and the values. Each value
/// is preceded by its length ("n" for NULL), so that none can pass for a part of another.
std::string row_checksum(std::string_view table,
                         std::span<std::optional<std::string> const> values);
/// The same for who checks many rows: `sum` is begun, and is so again.
std::string row_checksum(Sha256& sum, std::string_view table,
                         std::span<std::optional<std::string> const> values);

} // namespace karat::catalog
