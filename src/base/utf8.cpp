// SPDX-License-Identifier: Apache-2.0
#include "karat/utf8.hpp"

#include <algorithm>

namespace karat {
namespace {

/// How many bytes the lead byte of a sequence announces; 0 for one that cannot lead.
std::size_t sequence_bytes(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead < 0xe0) // 0xc0 and 0xc1 would only begin overlong forms
        return 2;
    if (lead >= 0xe0 && lead < 0xf0)
        return 3;
    if (lead >= 0xf0 && lead < 0xf5)
        return 4;
    return 0;
}

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// Whether the code point is one, and has no shorter form than a sequence of `length` bytes.
bool is_shortest(std::uint32_t point, std::size_t length)
{
    if (length == 3)
        return point >= 0x800 && (point < 0xd800 || point > 0xdfff);
    if (length == 4)
        return point >= 0x10000 && point <= 0x10ffff;
    return true;
}

} // namespace

std::optional<CodePoint> first_code_point(std::string_view text)
{
    auto const lead = static_cast<unsigned char>(text.front());
    auto const length = sequence_bytes(lead);
    if (length == 0 || length > text.size())
        return std::nullopt;
    std::uint32_t point = length == 1 ? lead : lead & (0xffu >> (length + 1));
    for (char const c : text.substr(1, length - 1)) {
        if (!continues(c))
            return std::nullopt;
        point = (point << 6) | (static_cast<unsigned char>(c) & 0x3fu);
    }
    if (!is_shortest(point, length))
        return std::nullopt;
    return CodePoint{point, length};
}

bool is_whole_utf8(std::string_view text)
{
    while (!text.empty()) {
        auto const point = first_code_point(text);
        if (!point)
            return false;
        text.remove_prefix(point->length_bytes);
    }
    return true;
}

std::size_t count_code_points(std::string_view text)
{
    return text.size() - static_cast<std::size_t>(std::ranges::count_if(text, continues));
}

} // namespace karat
