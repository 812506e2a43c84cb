// SPDX-License-Identifier: Apache-2.0
#include "scalars.hpp"

#include "karat/utf8.hpp"

#include "karat/hash.hpp"
#include "karat/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace karat::wire {

namespace {

constexpr std::size_t kQuotedBytes = 128; // of a value, in a message

template <class T>
Result<T> parse_number(std::string_view path, std::string_view text, char const* reason)
{
    auto const number = number_of<T>(text);
    if (!number)
        return invalid_value(path, text, reason);
    return *number;
}

template <class T>
Result<void> read_integer(Member const& member, std::string_view path, std::string_view text,
                          void* into)
{
    auto const number = TRY(parse_number<T>(path, text, "It must be an integer"));
    TRY(check_number(member, path, number));
    *static_cast<T*>(into) = number;
    return {};
}

Result<void> read_real(std::string_view path, std::string_view text, void* into)
{
    auto const number = TRY(parse_number<double>(path, text, "It must be a number"));
    if (!std::isfinite(number)) // from_chars takes "inf" and "nan"
        return invalid_value(path, text, "It must be a number");
    *static_cast<double*>(into) = number;
    return {};
}

Result<void> read_boolean(std::string_view path, std::string_view text, void* into)
{
    auto const is = [text](std::string_view word) {
        return std::ranges::equal(text, word, [](char a, char b) { return (a | 0x20) == b; });
    };
    if (!is("true") && !is("false"))
        return invalid_value(path, text, "It must be true or false");
    *static_cast<bool*>(into) = is("true");
    return {};
}

Result<void> read_time(std::string_view path, std::string_view text, void* into)
{
    auto const time = parse_time(text);
    if (!time.ok())
        return invalid_value(path, text, "It must be a time such as 2026-01-02T03:04:05Z");
    *static_cast<Time*>(into) = time.value();
    return {};
}

Result<void> read_blob(std::string_view path, std::string_view text, void* into)
{
    auto const bytes = from_base64(text);
    if (!bytes.ok()) // not quoted: user data may hold secrets
        return fail(Fault::invalid, fmt::format("The parameter {} is not valid base64", path));
    static_cast<std::string*>(into)->assign(as_text(bytes.value()));
    return {};
}

template <class T>
T const& as(void const* value)
{
    return *static_cast<T const*>(value);
}

std::string limits(Bounds bounds, char const* unit)
{
    Bounds const open;
    if (bounds.most == open.most)
        return fmt::format("It must be at least {}{}", bounds.least, unit);
    if (bounds.least == open.least)
        return fmt::format("It must be at most {}{}", bounds.most, unit);
    return fmt::format("It must be between {} and {}{}", bounds.least, bounds.most, unit);
}

bool within(Bounds bounds, std::int64_t number)
{
    return number >= bounds.least && number <= bounds.most;
}

} // namespace

Error invalid_value(std::string_view path, std::string_view value, std::string_view reason)
{
    auto const dots = value.size() > kQuotedBytes ? "..." : "";
    return fail(Fault::invalid, fmt::format("Value ({}{}) for parameter {} is invalid. {}",
                                            value.substr(0, kQuotedBytes), dots, path, reason));
}

Error missing_parameter(std::string_view path)
{
    return fail(Fault::missing, fmt::format("The request must contain the parameter {}", path));
}

Error unknown_parameter(std::string_view path)
{
    auto const dots = path.size() > kQuotedBytes ? "..." : "";
    return fail(Fault::unknown, fmt::format("The parameter {}{} is not recognized",
                                            path.substr(0, kQuotedBytes), dots));
}

Result<void> check_text(Member const& member, std::string_view path, std::string_view text)
{
    if (!member.values.empty() && std::ranges::find(member.values, text) == member.values.end())
        return invalid_value(path, text,
                             fmt::format("It must be one of: {}", fmt::join(member.values, ", ")));
    bool const is_list = member.field.form == Form::list; // whose bounds are for its count
    auto const length = static_cast<std::int64_t>(count_code_points(text));
    if (!is_list && !within(member.bounds, length))
        return invalid_value(path, text, limits(member.bounds, " characters long"));
    return {};
}

Result<void> check_number(Member const& member, std::string_view path, std::int64_t number)
{
    if (member.field.form != Form::list && !within(member.bounds, number))
        return invalid_value(path, std::to_string(number), limits(member.bounds, ""));
    return {};
}

Result<void> check_count(Member const& member, std::string_view path, std::size_t count)
{
    if (!within(member.bounds, static_cast<std::int64_t>(count)))
        return fail(Fault::invalid, fmt::format("The parameter {} has {} values. {}", path, count,
                                                limits(member.bounds, " values")));
    return {};
}

Result<void> read_text(Member const& member, std::string_view path, std::string_view text,
                       void* into)
{
    switch (member.field.kind) {
    case Kind::text:
        TRY(check_text(member, path, text));
        static_cast<std::string*>(into)->assign(text);
        return {};
    case Kind::blob:
        return read_blob(path, text, into);
    case Kind::boolean:
        return read_boolean(path, text, into);
    case Kind::int32:
        return read_integer<std::int32_t>(member, path, text, into);
    case Kind::int64:
        return read_integer<std::int64_t>(member, path, text, into);
    case Kind::real:
        return read_real(path, text, into);
    case Kind::time:
        return read_time(path, text, into);
    case Kind::structure:
        break;
    }
    broken("a structure has no text");
}

std::string write_text(Member const& member, void const* value)
{
    switch (member.field.kind) {
    case Kind::text:
        return as<std::string>(value);
    case Kind::blob:
        return to_base64(as_bytes(as<std::string>(value)));
    case Kind::boolean:
        return as<bool>(value) ? "true" : "false";
    case Kind::int32:
        return std::to_string(as<std::int32_t>(value));
    case Kind::int64:
        return std::to_string(as<std::int64_t>(value));
    case Kind::real:
        return fmt::format("{}", as<double>(value));
    case Kind::time:
        return format_time(as<Time>(value));
    case Kind::structure:
        break;
    }
    broken("a structure has no text");
}

} // namespace karat::wire
