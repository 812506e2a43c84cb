// SPDX-License-Identifier: Apache-2.0
// Pages of the describe calls: MaxResults and NextToken. Private to the room.
#pragma once

#include "filters.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace karat::api::ec2 {

struct PageRequest {
    std::optional<std::int32_t> max_results;
    std::optional<std::string> next_token;
};
struct PageCut {
    std::size_t begin;
    std::size_t end;
    std::optional<std::string> next; ///< The token of the page after this one.
};

/// `ids` are those of a list in a stable order. A token names the last things of its page, so the
/// next page begins behind them although others came or went; when all of those are gone it may
/// repeat some, and leaves none out. Tokens are opaque to callers; Fault::invalid about
/// Noun::page_token for one that we did not make. A page has at most 1000 things.
Result<PageCut> cut_page(std::vector<std::string> const& ids, PageRequest const& request);

/// EC2 does not page what is asked for by id: Fault::invalid for both in one request. `set` is the
/// parameter's name ("volumeSet").
Result<void> no_pages_with_ids(std::string_view set, std::vector<std::string> const& ids,
                               std::optional<std::int32_t> const& max_results);

/// Cuts `things` to the page; `id` gives each one's. Sets `next` when there is more.
template <class Thing>
Result<std::vector<Thing>> cut_to_page(std::vector<Thing> things, PageRequest const& request,
                                       Values (*id)(Thing const&), std::optional<std::string>& next)
{
    if (!request.max_results && !request.next_token)
        return things;
    std::vector<std::string> ids;
    for (auto const& thing : things)
        ids.push_back(fmt::format("{}", fmt::join(id(thing), " ")));
    auto const cut = TRY(cut_page(ids, request));
    next = cut.next;
    things.erase(things.begin() + static_cast<std::ptrdiff_t>(cut.end), things.end());
    things.erase(things.begin(), things.begin() + static_cast<std::ptrdiff_t>(cut.begin));
    return things;
}

/// What passes the filters of `request`, cut to the page that it asks for; sets `next` when there
/// is more.
template <class Shown, class Request>
Result<std::vector<Shown>> page_of(std::vector<Shown> all, Request const& request,
                                   Listing<Shown> const& listing, std::optional<std::string>& next)
{
    auto things = TRY(filtered(std::move(all), request.filters, listing));
    return cut_to_page(std::move(things), {request.max_results, request.next_token}, listing.id,
                       next);
}

} // namespace karat::api::ec2
