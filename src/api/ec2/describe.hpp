// SPDX-License-Identifier: Apache-2.0
// One Describe call: the handler goes through the records behind the page before, and offers each;
// what passes the filters fills the page. Private to the room.
#pragma once

#include "common.hpp"
#include "filters.hpp"

#include "pages.hpp"

namespace karat::api::ec2 {

template <class Shown, class Record = Shown>
class Describe {
public:
    /// `request` has filters, max_results and next_token; it and `desk` outlive this.
    template <class Request>
    static Result<Describe> begin(Desk const& desk, std::string_view operation,
                                  Request const& request, Listing<Shown, Record> const& listing)
    {
        auto filters = TRY((Filters<Shown, Record>::of(request.filters, listing)));
        auto page = TRY(Page::begin(desk, operation, request.max_results, request.next_token));
        auto narrowing = narrowing_of(request.filters);
        narrowing.after = page.after().number;
        return Describe(std::move(filters), std::move(page), std::move(narrowing));
    }

    engine::Narrowing const& narrowing() const { return narrowing_; }
    Place const& after() const { return page_.after(); }

    /// Describes a record that passes the filters: `describe` answers a Result<Shown>. Answers
    /// whether the page takes more.
    Result<bool> offer(Place place, Record const& record, auto const& describe)
    {
        if (!filters_.pass_record(record))
            return true;
        auto shown = TRY(Result<Shown>(describe()));
        if (!filters_.pass(shown))
            return true;
        if (!page_.take(std::move(place)))
            return false;
        shown_.push_back(std::move(shown));
        return true;
    }
    /// The same of what is described already.
    Result<bool> offer(Place place, Shown const& shown)
        requires std::same_as<Shown, Record>
    {
        return offer(std::move(place), shown, [&] { return shown; });
    }

    /// The page, once.
    std::vector<Shown> take(std::optional<std::string>& next_token)
    {
        next_token = page_.next_token();
        return std::move(shown_);
    }

private:
    Describe(Filters<Shown, Record> filters, Page page, engine::Narrowing narrowing)
        : filters_(std::move(filters))
        , page_(std::move(page))
        , narrowing_(std::move(narrowing))
    {
    }

    Filters<Shown, Record> filters_;
    Page page_;
    engine::Narrowing narrowing_;
    std::vector<Shown> shown_;
};

/// Offers short lists that are in no catalog, in their order.
template <class Shown, class Request>
Result<std::vector<Shown>> page_of(Desk const& desk, std::string_view operation,
                                   std::vector<Shown> const& all, Request const& request,
                                   Listing<Shown> const& listing,
                                   std::optional<std::string>& next_token)
{
    auto describe = TRY((Describe<Shown>::begin(desk, operation, request, listing)));
    std::int64_t number = 0;
    for (auto const& one : all)
        if (++number > describe.after().number && !TRY(describe.offer({.number = number}, one)))
            break;
    return describe.take(next_token);
}

/// Offers records that are few, each as `show` describes it.
template <class Shown, class Thing, class Request>
Result<std::vector<Shown>> page_of_records(Desk const& desk, std::string_view operation,
                                           catalog::Refs<Thing> const& records,
                                           Request const& request, Listing<Shown> const& listing,
                                           auto const& show, std::optional<std::string>& next_token)
{
    auto describe = TRY(Describe<Shown>::begin(desk, operation, request, listing));
    for (auto const& record : records)
        if (record.number() > describe.after().number &&
            !TRY(describe.offer({.number = record.number()}, show(*record))))
            break;
    return describe.take(next_token);
}

/// Keeps the records with these ids, all of them when there are none; Fault::not_found for an id
/// that no record has.
template <class Thing, class IdType>
Result<void> keep_only(catalog::Refs<Thing>& records, std::vector<IdType> const& ids)
{
    for (auto const& id : ids)
        if (std::ranges::none_of(records, [&](auto const& one) { return one->id == id; }))
            return not_found(id);
    if (!ids.empty())
        std::erase_if(
            records, [&](auto const& one) { return std::ranges::find(ids, one->id) == ids.end(); });
    return {};
}

/// EC2 does not page what is asked for by id: Fault::invalid for both in one request. `set` is the
/// parameter's name ("volumeSet").
Result<void> no_pages_with_ids(std::string_view set, std::vector<std::string> const& ids,
                               std::optional<std::int32_t> const& max_results);

} // namespace karat::api::ec2
