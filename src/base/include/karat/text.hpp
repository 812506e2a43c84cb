// SPDX-License-Identifier: Apache-2.0
// Small steps of readers of text.
#pragma once

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace karat {

/// Removes what comes before the next `separator`, or all of `text`, and returns it; the separator
/// is removed, too.
inline std::string_view take_until(std::string_view& text, char separator)
{
    auto const end = std::min(text.find(separator), text.size());
    auto const part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return part;
}

/// The text without blanks, tabs and ends of lines around it.
inline std::string_view trimmed(std::string_view text)
{
    constexpr std::string_view kBlanks = " \t\r\n";
    auto const first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

/// Whether two texts differ in the case of ASCII letters at most.
inline bool equal_in_any_case(std::string_view a, std::string_view b)
{
    auto const lower = [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; };
    return std::ranges::equal(a, b, {}, lower, lower);
}

/// The number that the whole text is, in a base of digits or a format of std::from_chars; nothing
/// for any other text. Neither blanks nor a plus sign belong to a number.
template <class Number, class... Form>
std::optional<Number> number_of(std::string_view text, Form... form)
{
    Number number{};
    auto const read = std::from_chars(text.data(), text.data() + text.size(), number, form...);
    bool const whole = read.ec == std::errc() && read.ptr == text.data() + text.size();
    return whole ? std::optional(number) : std::nullopt;
}

/// What a hexadecimal digit of either case stands for; -1 for any other character.
inline int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

} // namespace karat
