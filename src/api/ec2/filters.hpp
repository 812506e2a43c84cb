// SPDX-License-Identifier: Apache-2.0
// Filters of the describe calls. They read what the reply says, so a caller who filters by a value
// that was shown finds the thing. Private to the room.
#pragma once

#include "karat/env.hpp"
#include "karat/wire/ec2.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace karat::api::ec2 {

/// The values that one thing has for one filter: a filter matches when any of them does.
using Values = std::vector<std::string>;

/// A filter that an operation knows: its name and how to read its values off a thing.
template <class Shown>
struct FilterRule {
    std::string_view name;
    Values (*values)(Shown const&);
};

/// What a describe call lists: the filters on it, its id, and its tags (null: it has none).
template <class Shown>
struct Listing {
    std::span<FilterRule<Shown> const> rules;
    Values (*id)(Shown const&);
    std::vector<wire::ec2::Tag> const& (*tags)(Shown const&) = nullptr;
};

namespace detail {

inline std::string filter_text(std::string const& value) { return value; }
inline std::string filter_text(bool value) { return value ? "true" : "false"; }
inline std::string filter_text(Time value) { return format_time(value); }
template <class Number>
std::string filter_text(Number value)
{
    return fmt::format("{}", value);
}

template <class T>
constexpr bool is_optional = false;
template <class T>
constexpr bool is_optional<std::optional<T>> = true;
template <class T>
constexpr bool is_list = false;
template <class T>
constexpr bool is_list<std::vector<T>> = true;

template <class Owner, class Member>
Owner owner_of(Member Owner::*);

template <auto... path, class T>
void follow(T const& value, Values& values);

template <auto first, auto... rest, class T>
void step(T const& value, Values& values)
{
    follow<rest...>(value.*first, values);
}

/// Appends the values that `path`, members within members, leads to from `value`.
template <auto... path, class T>
void follow(T const& value, Values& values)
{
    if constexpr (is_optional<T>) {
        if (value)
            follow<path...>(*value, values);
    } else if constexpr (is_list<T>) {
        for (auto const& element : value)
            follow<path...>(element, values);
    } else if constexpr (sizeof...(path) == 0) {
        values.push_back(filter_text(value));
    } else {
        step<path...>(value, values);
    }
}

} // namespace detail

/// The values at the end of a path of members; lists on the way give one for each element, what is
/// absent gives none.
template <auto first, auto... rest>
Values at(decltype(detail::owner_of(first)) const& thing)
{
    Values values;
    detail::follow<rest...>(thing.*first, values);
    return values;
}

/// For a filter on something that nothing has here.
template <class Shown>
Values nothing(Shown const&)
{
    return {};
}

/// For a member `tags` of a Listing.
template <auto first, auto... rest>
std::vector<wire::ec2::Tag> const& tags_at(decltype(detail::owner_of(first)) const& thing)
{
    if constexpr (sizeof...(rest) == 0)
        return thing.*first;
    else
        return tags_at<rest...>(thing.*first);
}

/// EC2's glob: '*' any run, '?' any one character; "\*", "\?" and "\\" are those characters, and
/// any other '\' is itself.
/// Case-sensitive.
bool glob_matches(std::string_view pattern, std::string_view text);

/// Checks names and counts: Fault::unknown about Noun::filter for a name that is neither a rule's
/// nor, where there are tags, "tag:…", "tag-key" or "tag-value"; Fault::exhausted for more than 50
/// filters or 200 values. Names are also taken in the camelCase that some clients send ("isDefault"
/// for "is-default").
Result<void> check_filters(std::vector<wire::ec2::Filter> const& filters,
                           std::span<std::string_view const> known, bool tags);

/// Whether a thing with these values passes one filter. A filter without values lets nothing pass:
/// a caller whose list of values came out empty must not get everything.
bool passes(wire::ec2::Filter const& filter, Values const& values);

/// The filter's name in EC2's hyphenated form.
std::string canonical_filter_name(wire::ec2::Filter const& filter);

/// Whether a filter is "tag:<key>", "tag-key" or "tag-value", and the values it asks of tags.
bool names_tags(std::string_view canonical_name);
Values tag_values(std::string_view canonical_name, std::vector<wire::ec2::Tag> const& tags);

/// Keeps the things that pass every filter.
template <class Shown>
Result<std::vector<Shown>> filtered(std::vector<Shown> things,
                                    std::vector<wire::ec2::Filter> const& filters,
                                    Listing<Shown> const& listing)
{
    std::vector<std::string_view> known;
    for (auto const& rule : listing.rules)
        known.push_back(rule.name);
    TRY(check_filters(filters, known, listing.tags != nullptr));
    for (auto const& filter : filters) {
        auto const name = canonical_filter_name(filter);
        auto const rule = std::find(known.begin(), known.end(), name);
        auto const index = static_cast<std::size_t>(rule - known.begin());
        std::erase_if(things, [&](Shown const& thing) {
            return !passes(filter, rule == known.end() ? tag_values(name, listing.tags(thing))
                                                       : listing.rules[index].values(thing));
        });
    }
    return things;
}

} // namespace karat::api::ec2
