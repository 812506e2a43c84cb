// SPDX-License-Identifier: Apache-2.0
#include "karat/wire/rest.hpp"

#include "reader.hpp"
#include "scalars.hpp"
#include "writer.hpp"

#include "karat/wire/query.hpp"

#include "karat/text.hpp"

#include <algorithm>

namespace karat::wire {

namespace {

/// The labels if the path is of the pattern.
std::optional<Params> match(std::string_view pattern, std::string_view path)
{
    if (!path.starts_with('/') || std::ranges::count(path, '/') != std::ranges::count(pattern, '/'))
        return {};
    pattern.remove_prefix(1);
    path.remove_prefix(1);
    Params labels;
    while (!pattern.empty()) {
        auto const wanted = take_until(pattern, '/');
        auto const part = take_until(path, '/');
        if (!wanted.starts_with('{')) {
            if (part != wanted)
                return {};
            continue;
        }
        auto text = decode_query_text(part);
        if (part.empty() || part.find('+') != part.npos || !text.ok() || !is_utf8(text.value()))
            return {};
        labels.push_back({std::string(wanted.substr(1, wanted.size() - 2)), text.value()});
    }
    return labels;
}

bool same_name(std::string_view a, std::string_view b)
{
    auto const lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    };
    return std::ranges::equal(a, b, {}, lower, lower);
}

std::optional<std::string_view> find(Params const& params, std::string_view name)
{
    auto const found = std::ranges::find(params, name, &Param::name);
    return found == params.end() ? std::nullopt : std::optional<std::string_view>(found->value);
}

std::optional<std::string_view> find(RestHeaders const& headers, std::string_view name)
{
    for (auto const& [key, value] : headers)
        if (same_name(key, name))
            return value;
    return {};
}

std::optional<std::string_view> text_of(Member const& member, RestRequest const& request)
{
    switch (member.place) {
    case Place::path:
        return find(request.labels, member.in);
    case Place::query:
        return find(request.query, member.in);
    case Place::header:
        return find(request.headers, member.in);
    case Place::body:
        break;
    }
    return {};
}

} // namespace

std::optional<RestMatch> match_route(std::span<RestRoute const> routes, std::string_view method,
                                     std::string_view path)
{
    for (std::size_t i = 0; i < routes.size(); ++i) {
        if (routes[i].method != method)
            continue;
        if (auto labels = match(routes[i].pattern, path))
            return RestMatch{i, std::move(*labels)};
    }
    return {};
}

Result<void> read_rest(Shape const& shape, void* object, RestRequest const& request)
{
    bool has_body = false;
    for (auto const& member : shape.members) {
        has_body = has_body || member.place == Place::body;
        if (member.place == Place::body)
            continue;
        auto const text = text_of(member, request);
        if (text && !text->empty())
            TRY(read_text(member, member.in, *text, member.field.make(place(member, object))));
        else if (member.presence == Presence::required)
            return missing_parameter(member.in);
    }
    if (!has_body)
        return {};
    return read_json(shape, object, request.body.empty() ? "{}" : request.body);
}

RestReply write_rest_reply(int status, Shape const& shape, void const* object)
{
    RestReply reply{.status = status,
                    .content_type = "application/json",
                    .body = write_json_reply(shape, object)};
    for (auto const& member : shape.members) {
        if (member.place != Place::header)
            continue;
        auto const seen = see(member, object);
        if (seen.count > 0)
            reply.headers.emplace_back(member.out, write_text(member, seen.at(0)));
    }
    return reply;
}

RestReply with_payload(RestReply reply, std::string payload)
{
    reply.content_type = "application/octet-stream";
    reply.body = std::move(payload);
    return reply;
}

} // namespace karat::wire
