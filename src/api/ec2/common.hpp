// SPDX-License-Identifier: Apache-2.0
// What the EC2 handlers share: filters, pages, tags. Private to the room.
#pragma once

#include "tags.hpp"

#include "karat/nouns.hpp"
#include "karat/wire/ec2.hpp"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace karat::api::ec2 {

/// The values that one thing has for one filter: a filter matches when any of them does.
using Values = std::vector<std::string>;

/// A boolean as EC2's filters spell it.
inline std::string yes_no(bool value) { return value ? "true" : "false"; }

/// A filter that an operation knows: its name and how to read its values off a thing.
template <class Thing>
struct FilterRule {
    std::string_view name;
    Values (*values)(Thing const&);
};

/// EC2's glob: '*' any run, '?' any one character, '\' takes the next one literally.
/// Case-sensitive.
bool glob_matches(std::string_view pattern, std::string_view text);

/// Checks names and counts: Fault::unknown about Noun::filter for a name that is neither a rule's
/// nor "tag:…"/"tag-key", Fault::exhausted for more than 50 filters or 200 values. Names are also
/// taken in the camelCase that some clients send ("isDefault" for "is-default").
Result<void> check_filters(std::vector<wire::ec2::Filter> const& filters,
                           std::span<std::string_view const> known);

/// Whether a thing with these values passes one filter.
bool passes(wire::ec2::Filter const& filter, Values const& values);

/// The filter's name in EC2's hyphenated form.
std::string canonical_filter_name(wire::ec2::Filter const& filter);

/// Whether a filter is "tag:<key>" or "tag-key", and whether tags pass it.
bool names_tags(wire::ec2::Filter const& filter);
bool passes_tags(wire::ec2::Filter const& filter, Tags const& tags);

/// Keeps the things that pass every filter, for things that have a member `tags`.
template <class Thing>
Result<std::vector<Thing>> filtered(std::vector<Thing> things,
                                    std::vector<wire::ec2::Filter> const& filters,
                                    std::type_identity_t<std::span<FilterRule<Thing> const>> rules)
{
    std::vector<std::string_view> known;
    for (auto const& rule : rules)
        known.push_back(rule.name);
    TRY(check_filters(filters, known));
    for (auto const& filter : filters) {
        if (names_tags(filter)) {
            std::erase_if(things,
                          [&](Thing const& thing) { return !passes_tags(filter, thing.tags); });
            continue;
        }
        auto const rule = std::find(known.begin(), known.end(), canonical_filter_name(filter));
        auto const values = rules[static_cast<std::size_t>(rule - known.begin())].values;
        std::erase_if(things, [&](Thing const& thing) { return !passes(filter, values(thing)); });
    }
    return things;
}

/// A page of a list: what MaxResults and NextToken ask for.
struct PageRequest {
    std::optional<std::int32_t> max_results;
    std::optional<std::string> next_token;
};
struct PageCut {
    std::size_t begin;
    std::size_t end;
    std::optional<std::string> next; ///< The token of the page after this one.
};
/// Tokens are opaque to callers; Fault::invalid about Noun::page_token for one that we did not
/// make.
Result<PageCut> cut_page(std::size_t count, PageRequest const& request);

/// EC2 does not page what is asked for by id: Fault::invalid for both in one request. `set` is the
/// parameter's name ("volumeSet").
Result<void> no_pages_with_ids(std::string_view set, std::vector<std::string> const& ids,
                               std::optional<std::int32_t> const& max_results);

/// Cuts `things` (in a stable order) to the page and sets `next` when there is more.
template <class Thing>
Result<std::vector<Thing>> page_of(std::vector<Thing> things, PageRequest const& request,
                                   std::optional<std::string>& next)
{
    auto const cut = TRY(cut_page(things.size(), request));
    next = cut.next;
    things.erase(things.begin() + static_cast<std::ptrdiff_t>(cut.end), things.end());
    things.erase(things.begin(), things.begin() + static_cast<std::ptrdiff_t>(cut.begin));
    return things;
}

/// The request's PageRequest, for requests that have both members.
template <class Request>
PageRequest page_request(Request const& request)
{
    return {request.max_results, request.next_token};
}

std::vector<wire::ec2::Tag> wire_tags(Tags const& tags);
/// Tags out of TagSpecification.N by the types of what the operation makes ("instance", "volume"),
/// each of which is in the result. Fault::invalid for another type, a type or a key given twice,
/// and a type without tags.
using TagSets = std::map<std::string_view, Tags>;
Result<TagSets> tag_sets(std::vector<wire::ec2::TagSpecification> const& specifications,
                         std::initializer_list<std::string_view> types);
/// The same for an operation that makes things of one type.
Result<Tags> tags_for(std::vector<wire::ec2::TagSpecification> const& specifications,
                      std::string_view type);

/// The refusal of what EC2 has and Karat has not; it names the parameter.
Error not_offered(std::string_view parameter);

/// Parses a list of ids with Id::parse.
template <class IdType>
Result<std::vector<IdType>> parse_ids(std::vector<std::string> const& texts)
{
    std::vector<IdType> ids;
    for (auto const& text : texts)
        ids.push_back(TRY(IdType::parse(text)));
    return ids;
}

/// Keeps the things with these ids, all of them when there are none; Fault::not_found for an id
/// that no thing has.
template <class Thing, class IdType>
Result<void> keep_only(std::vector<Thing>& things, std::vector<IdType> const& ids)
{
    for (auto const& id : ids)
        if (std::none_of(things.begin(), things.end(),
                         [&](Thing const& thing) { return thing.id == id; }))
            return not_found(id);
    if (!ids.empty())
        std::erase_if(things, [&](Thing const& thing) {
            return std::find(ids.begin(), ids.end(), thing.id) == ids.end();
        });
    return {};
}

} // namespace karat::api::ec2
