// SPDX-License-Identifier: Apache-2.0
// The text of a token is a place: the number in decimal, a colon, the text.
#include "pages.hpp"

#include <charconv>
#include <fmt/format.h>

namespace karat::api {
namespace {

constexpr std::size_t kMaxPage = 1000;
constexpr std::chrono::hours kTokenLives{24};

std::optional<Place> place_of(std::optional<std::string> const& text)
{
    Place place;
    if (!text)
        return {};
    auto const* const last = text->data() + text->size();
    auto const [end, error] = std::from_chars(text->data(), last, place.number);
    if (error != std::errc() || end == last || *end != ':')
        return {};
    place.text.assign(end + 1, last);
    return place;
}

} // namespace

Result<Page> Page::begin(Desk const& desk, std::string_view operation,
                         std::optional<std::int32_t> size, std::optional<std::string> const& token)
{
    Page page(desk, fmt::format("page {} {} {}", operation, desk.caller.account.text(),
                                desk.caller.region));
    if (token && !token->empty()) {
        auto const place = place_of(desk.tokens.read(page.purpose_, *token, desk.engine.now()));
        if (!place)
            return Error{Fault::invalid, Noun::page_token,
                         "The NextToken is not one that this service gave for this call, or it has "
                         "expired; list anew"};
        page.after_ = *place;
    }
    if (size && *size < 1)
        return fail(Fault::invalid, fmt::format("MaxResults must be at least 1, not {}", *size));
    if (size)
        page.room_ = std::min(static_cast<std::size_t>(*size), kMaxPage);
    return page;
}

bool Page::take(Place place)
{
    if (room_ == 0) {
        next_token_ = desk_->tokens.make(purpose_, fmt::format("{}:{}", last_.number, last_.text),
                                         desk_->engine.now() + kTokenLives);
        return false;
    }
    --room_;
    last_ = std::move(place);
    return true;
}

} // namespace karat::api
