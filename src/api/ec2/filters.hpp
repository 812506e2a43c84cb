// SPDX-License-Identifier: Apache-2.0
// Filters of the describe calls. They read what the reply says, so a caller who filters by a value
// that was shown finds the thing. Private to the room.
#pragma once

#include "karat/env.hpp"
#include "karat/listings.hpp"
#include "karat/wire/ec2/common.hpp"

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

/// What a filter "tag:<key>", "tag-key" or "tag-value", by its canonical name, asks of tags.
template <class Record>
using TagReader = Values (*)(Record const&, std::string_view canonical_name);

/// What a describe call lists: the filters on its things, which it describes from records. Where
/// descriptions cost more than records, tags and the filters that many records fail are read off
/// the record, so that it is not described in vain.
template <class Shown, class Record = Shown>
struct Listing {
    std::span<FilterRule<Shown> const> rules;
    TagReader<Record> tags = nullptr; ///< Null: its things have no tags.
    std::span<FilterRule<Record> const> record_rules = {};
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
Values tag_values(std::string_view canonical_name, Tags const& tags);

/// For a member `tags` of a Listing.
template <auto member>
Values tags_at(decltype(detail::owner_of(member)) const& thing, std::string_view canonical_name)
{
    return tag_values(canonical_name, thing.*member);
}

/// What an index finds of what passes the filters: tags and names that are asked for whole, or
/// names by their beginning.
engine::Narrowing narrowing_of(std::vector<wire::ec2::Filter> const& filters);

/// The filters of one call, each with what reads its values.
template <class Shown, class Record>
class Filters {
public:
    /// Fault::unknown and Fault::exhausted as check_filters().
    static Result<Filters> of(std::vector<wire::ec2::Filter> const& filters,
                              Listing<Shown, Record> const& listing)
    {
        std::vector<std::string_view> known;
        for (auto const& rule : listing.rules)
            known.push_back(rule.name);
        for (auto const& rule : listing.record_rules)
            known.push_back(rule.name);
        TRY(check_filters(filters, known, listing.tags != nullptr));
        Filters bound;
        for (auto const& filter : filters)
            bound.add(filter, listing);
        return bound;
    }

    bool pass_record(Record const& record) const
    {
        return std::ranges::all_of(on_tags_,
                                   [&](OnTags const& one) {
                                       return passes(*one.filter, one.read(record, one.name));
                                   }) &&
               std::ranges::all_of(on_record_, [&](auto const& one) {
                   return passes(*one.filter, one.read(record));
               });
    }
    bool pass(Shown const& shown) const
    {
        return std::ranges::all_of(
            on_shown_, [&](auto const& one) { return passes(*one.filter, one.read(shown)); });
    }

private:
    struct OnTags {
        wire::ec2::Filter const* filter;
        std::string name;
        TagReader<Record> read;
    };
    template <class Thing>
    struct On {
        wire::ec2::Filter const* filter;
        Values (*read)(Thing const&);
    };

    void add(wire::ec2::Filter const& filter, Listing<Shown, Record> const& listing)
    {
        auto const name = canonical_filter_name(filter);
        for (auto const& rule : listing.rules)
            if (rule.name == name)
                return on_shown_.push_back({&filter, rule.values});
        for (auto const& rule : listing.record_rules)
            if (rule.name == name)
                return on_record_.push_back({&filter, rule.values});
        on_tags_.push_back({&filter, name, listing.tags});
    }

    std::vector<OnTags> on_tags_;
    std::vector<On<Record>> on_record_;
    std::vector<On<Shown>> on_shown_;
};

/// Keeps the things that pass every filter. For short lists that are in no catalog.
template <class Shown>
Result<std::vector<Shown>> filtered(std::vector<Shown> things,
                                    std::vector<wire::ec2::Filter> const& filters,
                                    Listing<Shown> const& listing)
{
    auto const bound = TRY((Filters<Shown, Shown>::of(filters, listing)));
    std::erase_if(things, [&](Shown const& thing) {
        return !bound.pass_record(thing) || !bound.pass(thing);
    });
    return things;
}

} // namespace karat::api::ec2
