// SPDX-License-Identifier: Apache-2.0
#include "sigv4_parts.hpp"

#include "karat/wire/query.hpp"

#include "karat/text.hpp"

#include <algorithm>
#include <functional>

namespace karat::wire::sigv4 {
namespace {

bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool digit(char c) { return c >= '0' && c <= '9'; }
bool upper(char c) { return c >= 'A' && c <= 'Z'; }
bool lower(char c) { return c >= 'a' && c <= 'z'; }
char to_lower(char c) { return upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

Refusal too_large(std::string what)
{
    return {SignatureFault::too_large, "The request is not read: " + std::move(what)};
}

Checked<Done> check_bounds(SignedRequest const& request)
{
    if (request.path.size() > kMaxSignedPathBytes)
        return too_large("its path is longer than 8 KiB");
    if (request.query.size() > kMaxSignedQueryBytes)
        return too_large("its query is longer than 64 KiB; send the parameters as a form body");
    if (request.headers.size() > kMaxHeaders)
        return too_large("it has more than " + std::to_string(kMaxHeaders) + " headers");
    std::size_t bytes = 0;
    for (auto const& [name, value] : request.headers)
        bytes += name.size() + value.size();
    if (bytes > kMaxHeadersBytes)
        return too_large("its headers are longer than 64 KiB");
    return Done{};
}

/// A method or path with a line break could pose as another canonical request.
Checked<Done> check_first_line(SignedRequest const& request)
{
    if (request.method.empty() || request.method.size() > 32 ||
        !std::ranges::all_of(request.method, upper))
        return Refusal{SignatureFault::incomplete, "The method must be upper-case letters"};
    if (!request.path.empty() && request.path[0] != '/')
        return Refusal{SignatureFault::incomplete, "The path must begin with '/'"};
    return Done{};
}

Checked<std::vector<Header>> read_headers(SignedRequest const& request)
{
    std::vector<Header> headers;
    for (auto const& [name, value] : request.headers) {
        if (!is_token(name))
            return Refusal{SignatureFault::incomplete, "The name of a header is malformed"};
        Header header{name, fold_blanks(value)};
        std::ranges::transform(header.name, header.name.begin(), to_lower);
        if (std::ranges::any_of(header.value, control))
            return Refusal{SignatureFault::incomplete,
                           "The header " + header.name + " holds control characters"};
        // After its equals: the order within a name is signed.
        auto const place = std::ranges::upper_bound(headers, header.name, {}, &Header::name);
        headers.insert(place, std::move(header));
    }
    return headers;
}

Checked<std::vector<Param>> read_query(std::string_view text)
{
    std::vector<Param> query;
    while (!text.empty()) {
        auto const piece = take_until(text, '&');
        if (piece.empty())
            continue;
        auto const equals = std::min(piece.find('='), piece.size());
        auto name = decode_query_text(piece.substr(0, equals));
        auto value = decode_query_text(piece.substr(std::min(equals + 1, piece.size())));
        if (!name.ok() || !value.ok())
            return Refusal{SignatureFault::incomplete, "The query holds a bad percent escape"};
        query.push_back({std::move(name).value(), std::move(value).value()});
    }
    return query;
}

} // namespace

bool is_token(std::string_view text)
{
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::ranges::all_of(text, [&](char c) {
        return digit(c) || upper(c) || lower(c) || marks.find(c) != std::string_view::npos;
    });
}

bool is_lower_hex_digest(std::string_view text)
{
    return text.size() == 64 &&
           std::ranges::all_of(text, [](char c) { return digit(c) || (c >= 'a' && c <= 'f'); });
}

bool starts_with_ignoring_case(std::string_view text, std::string_view lower_prefix)
{
    return text.size() >= lower_prefix.size() &&
           std::ranges::equal(text.substr(0, lower_prefix.size()), lower_prefix, {}, to_lower);
}

std::string fold_blanks(std::string_view value)
{
    std::string out;
    out.reserve(value.size());
    for (char const c : value) {
        if (!blank(c))
            out += c;
        else if (!out.empty() && out.back() != ' ')
            out += ' ';
    }
    if (!out.empty() && out.back() == ' ')
        out.pop_back();
    return out;
}

std::size_t Parts::header_count(std::string_view name) const
{
    return std::ranges::equal_range(headers, name, std::less<>{}, &Header::name).size();
}

std::optional<std::string> Parts::header(std::string_view name) const
{
    auto const found = std::ranges::equal_range(headers, name, std::less<>{}, &Header::name);
    if (found.empty())
        return std::nullopt;
    std::string joined = found.front().value;
    for (auto at = found.begin() + 1; at != found.end(); ++at)
        joined += "," + at->value;
    return joined;
}

std::size_t Parts::param_count(std::string_view name) const
{
    return static_cast<std::size_t>(std::ranges::count(query, name, &Param::name));
}

std::optional<std::string> Parts::param(std::string_view name) const
{
    auto const found = std::ranges::find(query, name, &Param::name);
    return found == query.end() ? std::nullopt : std::optional(found->value);
}

Checked<Parts> read_parts(SignedRequest const& request)
{
    TRY(check_bounds(request));
    TRY(check_first_line(request));
    auto headers = TRY(read_headers(request));
    auto query = TRY(read_query(request.query));
    return Parts{std::move(headers), std::move(query)};
}

std::string canonical_query(std::vector<Param> const& query,
                            std::vector<std::string_view> const& left_out)
{
    std::vector<Param> encoded;
    for (auto const& [name, value] : query)
        if (std::ranges::find(left_out, name) == left_out.end())
            encoded.push_back({encode_uri(name, Slash::encode), encode_uri(value, Slash::encode)});
    std::ranges::sort(encoded, [](Param const& a, Param const& b) {
        return std::tie(a.name, a.value) < std::tie(b.name, b.value);
    });
    std::string out;
    for (auto const& [name, value] : encoded) {
        if (!out.empty())
            out += '&';
        out.append(name).append("=").append(value);
    }
    return out;
}

std::string canonical_path(std::string_view path, PathForm form)
{
    if (path.empty())
        return "/";
    return encode_uri(form == PathForm::normalised ? normalise_path(path) : std::string(path),
                      Slash::keep);
}

} // namespace karat::wire::sigv4

namespace karat::wire {

std::string normalise_path(std::string_view path)
{
    std::vector<std::string_view> parts;
    bool const is_folder = path.ends_with('/');
    while (!path.empty()) {
        auto const part = take_until(path, '/');
        if (part == ".." && !parts.empty())
            parts.pop_back();
        else if (!part.empty() && part != "." && part != "..")
            parts.push_back(part);
    }
    std::string out;
    for (auto const part : parts)
        out.append("/").append(part);
    if (out.empty() || is_folder)
        out += '/';
    return out;
}

void drop_signature_params(Params& params)
{
    std::erase_if(params, [](Param const& param) { return param.name.starts_with("X-Amz-"); });
}

} // namespace karat::wire
