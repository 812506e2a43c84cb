// SPDX-License-Identifier: Apache-2.0
#include "checksum.hpp"

namespace karat::catalog {
namespace {

constexpr std::size_t kDigits = 32;

} // namespace

std::string row_checksum(std::string_view table, std::span<std::optional<std::string> const> values)
{
    Sha256 sum;
    return row_checksum(sum, table, values);
}

std::string row_checksum(Sha256& sum, std::string_view table,
                         std::span<std::optional<std::string> const> values)
{
    auto const add = [&](std::string_view text) {
        sum.update(std::to_string(text.size()) + ":");
        sum.update(text);
    };
    add(table);
    for (auto const& value : values) {
        if (value)
            add(*value);
        else
            sum.update(std::string_view("n"));
    }
    return sum.finish().text().substr(0, kDigits);
}

} // namespace karat::catalog
