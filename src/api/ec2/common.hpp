// SPDX-License-Identifier: Apache-2.0
// What the EC2 handlers share: tags, ids, times. Private to the room.
#pragma once

#include "filters.hpp"
#include "tags.hpp"

#include "karat/nouns.hpp"
#include "karat/wire/ec2/common.hpp"

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace karat::api::ec2 {

/// EC2 shows most times in whole seconds.
inline Time whole_seconds(Time time) { return std::chrono::floor<std::chrono::seconds>(time); }

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

} // namespace karat::api::ec2
