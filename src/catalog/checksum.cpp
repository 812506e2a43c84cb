// SPDX-License-Identifier: Apache-2.0
#include "checksum.hpp"

#include "karat/hash.hpp"

namespace karat::catalog {
namespace {

constexpr std::size_t kDigits = 32;

} // namespace

std::string row_checksum(std::string_view table, std::span<std::optional<std::string> const> values)
{
    thread_local Sha256 sum; // to make one costs more than to use it
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
