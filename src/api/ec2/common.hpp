// SPDX-License-Identifier: Apache-2.0
// What the EC2 handlers share: filters, pages, tags. Private to the room.
#pragma once

#include "karat/nouns.hpp"
#include "karat/wire/ec2.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace karat::api::ec2 {

/// The values that one thing has for one filter: a filter matches when any of them does.
using Values = std::vector<std::string>;

/// A filter that an operation knows: its name and how to read its values off a thing.
template <class Thing>
struct FilterRule {
    std::string_view name;
    Values (*values)(Thing const&);
};

/// EC2's glob: '*' any run, '?' any one character, '\' takes the next one literally. Case-sensitive.
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

/// Keeps the things that pass every filter. `tags` reads a thing's tags for "tag:<key>" and "tag-key".
template <class Thing>
Result<std::vector<Thing>> filtered(std::vector<Thing> things, std::vector<wire::ec2::Filter> const& filters,
                                    std::span<FilterRule<Thing> const> rules,
                                    Tags const& (*tags)(Thing const&));

/// A page of a list: what NextToken and MaxResults ask for.
struct PageRequest {
    std::optional<std::int32_t> max_results;
    std::optional<std::string> next_token;
};
/// Cuts `things` (in a stable order) to the page and sets `next` when there is more. Tokens are
/// opaque to callers; Fault::invalid about Noun::page_token for one that we did not make.
template <class Thing>
Result<std::vector<Thing>> page_of(std::vector<Thing> things, PageRequest const& request,
                                   std::optional<std::string>& next);

std::vector<wire::ec2::Tag> wire_tags(Tags const& tags);
/// Tags of one resource type ("instance", "volume", …) out of TagSpecification.N; Fault::invalid
/// for a key given twice.
Result<Tags> tags_for(std::vector<wire::ec2::TagSpecification> const& specifications,
                      std::string_view resource_type);

/// Parses a list of ids with Id::parse.
template <class IdType>
Result<std::vector<IdType>> parse_ids(std::vector<std::string> const& texts)
{
    std::vector<IdType> ids;
    for (auto const& text : texts)
        ids.push_back(TRY(IdType::parse(text)));
    return ids;
}

} // namespace karat::api::ec2
