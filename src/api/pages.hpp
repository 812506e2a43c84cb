// SPDX-License-Identifier: Apache-2.0
// Pages of lists: MaxResults and NextToken. A token says where its page ended, by the key of the
// last thing, so the next page begins behind it whatever came or went meanwhile.
#pragma once

#include "desk.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace karat::api {

/// Where a thing stands in its list, which is in the order of these.
struct Place {
    std::int64_t number = 0; ///< Of a record: the catalog's.
    std::string text = {};   ///< Of things that share a number, or have none.
    auto operator<=>(Place const&) const = default;
};

/// One page of a list, while it fills. Its list goes through the things behind after(), in order,
/// and calls take() for each that belongs in the list, until it answers false.
class Page {
public:
    /// Fault::invalid for a size below 1, and about Noun::page_token for a token that was not made
    /// for this operation, account and region, or has expired. Without `size` the page has no end;
    /// it has at most 1000 things otherwise.
    static Result<Page> begin(Desk const& desk, std::string_view operation,
                              std::optional<std::int32_t> size,
                              std::optional<std::string> const& token);

    Place const& after() const { return after_; }
    /// Whether the thing is on the page. The first that is not makes a token.
    bool take(Place place);
    /// Of the page after this one, if there is one.
    std::optional<std::string> const& next_token() const { return next_token_; }

private:
    Page(Desk const& desk, std::string purpose)
        : desk_(&desk)
        , purpose_(std::move(purpose))
    {
    }

    Desk const* desk_;
    std::string purpose_;
    Place after_;
    Place last_;
    std::size_t room_ = SIZE_MAX;
    std::optional<std::string> next_token_;
};

} // namespace karat::api
