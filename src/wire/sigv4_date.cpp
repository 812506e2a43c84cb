// SPDX-License-Identifier: Apache-2.0
#include "sigv4_date.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace karat::wire::sigv4 {
namespace {

constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// Whether `text` has a digit wherever `form` has '#' and equals it elsewhere.
bool has_form(std::string_view text, std::string_view form)
{
    return std::ranges::equal(
        text, form, [](char c, char f) { return f == '#' ? c >= '0' && c <= '9' : c == f; });
}

/// The digits at a place that has_form() has seen.
int number(std::string_view text, std::size_t at, std::size_t length)
{
    int value = 0;
    for (char const c : text.substr(at, length))
        value = value * 10 + (c - '0');
    return value;
}

} // namespace

std::optional<Time> parse_basic_time(std::string_view text)
{
    using namespace std::chrono;
    if (!has_form(text, "########T######Z"))
        return std::nullopt;
    year_month_day const day{year{number(text, 0, 4)},
                             month{static_cast<unsigned>(number(text, 4, 2))},
                             std::chrono::day{static_cast<unsigned>(number(text, 6, 2))}};
    auto const hour = number(text, 9, 2);
    auto const minute = number(text, 11, 2);
    auto const second = number(text, 13, 2);
    if (!day.ok() || hour > 23 || minute > 59 || second > 59)
        return std::nullopt;
    return Time{sys_days{day} + hours{hour} + minutes{minute} + seconds{second}};
}

std::optional<std::string> basic_from_http_date(std::string_view text)
{
    if (text.size() < 29 || !has_form(text.substr(3, 5), ", ## ") ||
        !has_form(text.substr(11, 15), " #### ##:##:## "))
        return std::nullopt;
    auto const zone = text.substr(26);
    if (zone != "GMT" && zone != "-0000" && zone != "+0000") // botocore writes -0000
        return std::nullopt;
    auto const month = std::ranges::find(kMonths, text.substr(8, 3)) - kMonths.begin();
    if (month == 12)
        return std::nullopt;
    std::string out(text.substr(12, 4));
    out.append(month < 9 ? "0" : "").append(std::to_string(month + 1)).append(text.substr(5, 2));
    out.append("T").append(text.substr(17, 2)).append(text.substr(20, 2));
    out.append(text.substr(23, 2)).append("Z");
    auto const time = parse_basic_time(out);
    if (!time)
        return std::nullopt;
    std::chrono::weekday const weekday{std::chrono::floor<std::chrono::days>(*time)};
    if (kDays[weekday.c_encoding()] != text.substr(0, 3))
        return std::nullopt;
    return out;
}

} // namespace karat::wire::sigv4
