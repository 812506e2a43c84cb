// SPDX-License-Identifier: Apache-2.0
#include "karat/wire/query.hpp"

#include "karat/text.hpp"
#include "karat/utf8.hpp"

#include <algorithm>
#include <utility>

namespace karat::wire {
namespace {

constexpr std::string_view kHexDigits = "0123456789ABCDEF";

bool unreserved(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

bool control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

/// Names go into messages, so only those that are short and readable are shown.
Result<std::string> decode_name(std::string_view text)
{
    auto name = TRY(decode_query_text(text));
    if (name.empty())
        return fail(Fault::invalid, "A parameter of the request has no name");
    if (name.size() > kMaxParamNameBytes)
        return fail(Fault::invalid, "The name of a parameter is longer than " +
                                        std::to_string(kMaxParamNameBytes) + " bytes");
    if (!is_utf8(name) || std::ranges::any_of(name, control))
        return fail(Fault::invalid,
                    "The name of a parameter holds control characters or is not UTF-8");
    return name;
}

Result<Param> parse_param(std::string_view piece)
{
    auto const equals = std::min(piece.find('='), piece.size());
    auto name = TRY(decode_name(piece.substr(0, equals)));
    auto value = decode_query_text(piece.substr(std::min(equals + 1, piece.size())));
    if (!value.ok())
        return fail(Fault::invalid, "The parameter " + name + " holds a bad percent escape");
    if (!is_utf8(value.value()))
        return fail(Fault::invalid, "The value of the parameter " + name + " is not UTF-8");
    return Param{std::move(name), std::move(value).value()};
}

} // namespace

bool is_utf8(std::string_view bytes)
{
    while (!bytes.empty()) {
        auto const point = first_code_point(bytes);
        if (!point)
            return false;
        bytes.remove_prefix(point->length_bytes);
    }
    return true;
}

Result<std::string> decode_query_text(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            out += text[at] == '+' ? ' ' : text[at];
            continue;
        }
        auto const high = at + 1 < text.size() ? hex_value(text[at + 1]) : -1;
        auto const low = at + 2 < text.size() ? hex_value(text[at + 2]) : -1;
        if (high < 0 || low < 0)
            return fail(Fault::invalid, "The request holds a bad percent escape");
        out += static_cast<char>(high * 16 + low);
        at += 2;
    }
    return out;
}

std::string encode_uri(std::string_view bytes, Slash slash)
{
    std::string out;
    out.reserve(bytes.size());
    for (char const c : bytes) {
        if (unreserved(c) || (c == '/' && slash == Slash::keep)) {
            out += c;
            continue;
        }
        auto const byte = static_cast<unsigned char>(c);
        out += '%';
        out += kHexDigits[byte >> 4];
        out += kHexDigits[byte & 0xf];
    }
    return out;
}

Result<Params> parse_query(std::string_view text)
{
    if (text.size() > kMaxQueryBytes)
        return fail(Fault::invalid, "The parameters of the request are longer than 1 MiB");
    Params params;
    while (!text.empty()) {
        auto const piece = take_until(text, '&');
        if (piece.empty())
            continue;
        if (params.size() == kMaxQueryParams)
            return fail(Fault::invalid, "The request has more than " +
                                            std::to_string(kMaxQueryParams) + " parameters");
        params.push_back(TRY(parse_param(piece)));
    }
    std::ranges::sort(params, {}, &Param::name);
    auto const twice = std::ranges::adjacent_find(params, {}, &Param::name);
    if (twice != params.end())
        return fail(Fault::invalid, "The parameter " + twice->name + " is given twice");
    return params;
}

} // namespace karat::wire
