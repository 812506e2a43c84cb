// SPDX-License-Identifier: Apache-2.0
// What is hashed, for each member that is given, in the model's order:
//
//   name length ':' name, count of values ':', then each value:
//     a scalar      length ':' text as on the wire
//     a structure   '{' its members '}'
//
// Lengths and counts say where a part ends, so no value can look like another part.
#include "request.hpp"
#include "scalars.hpp"

#include "karat/hash.hpp"

#include <fmt/format.h>

namespace karat::wire {
namespace {

void add(std::string& text, std::string_view part)
{
    text += fmt::format("{}:{}", part.size(), part);
}

/// What says how a call is made and not what it asks for.
bool is_about_the_call(Member const& member)
{
    return member.in == "ClientToken" || member.in == "DryRun";
}

void add_members(std::string& text, Shape const& shape, void const* object);

void add_member(std::string& text, Member const& member, void const* object)
{
    auto const seen = see(member, object);
    if (seen.count == 0)
        return;
    add(text, member.in);
    text += fmt::format("{}:", seen.count);
    for (std::size_t i = 0; i < seen.count; ++i) {
        if (member.field.kind != Kind::structure) {
            add(text, write_text(member, seen.at(i)));
            continue;
        }
        text += '{';
        add_members(text, *member.shape, seen.at(i));
        text += '}';
    }
}

void add_members(std::string& text, Shape const& shape, void const* object)
{
    for (auto const& member : shape.members)
        add_member(text, member, object);
}

} // namespace

std::string fingerprint(Shape const& shape, void const* object)
{
    std::string text;
    for (auto const& member : shape.members)
        if (!is_about_the_call(member))
            add_member(text, member, object);
    return sha256(text).text();
}

} // namespace karat::wire
