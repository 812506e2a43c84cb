// SPDX-License-Identifier: Apache-2.0
// Tags as requests bring them, whichever protocol they come by.
#pragma once

#include "karat/nouns.hpp"
#include "karat/result.hpp"

#include <fmt/format.h>
#include <vector>

namespace karat::api {

/// The tags of a request; Fault::invalid if a key is given twice. WireTag is the protocol's struct
/// of an optional key and an optional value.
template <class WireTag>
Result<Tags> tags_of(std::vector<WireTag> const& list)
{
    Tags tags;
    for (auto const& tag : list) {
        auto const key = tag.key.value_or("");
        if (!tags.emplace(key, tag.value.value_or("")).second)
            return Error{Fault::invalid, Noun::tag,
                         fmt::format("The tag key '{}' is given twice", key)};
    }
    return tags;
}

} // namespace karat::api
