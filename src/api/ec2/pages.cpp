// SPDX-License-Identifier: Apache-2.0
// A token is the hexadecimal form of where the next page began when it was made, and of the ids
// before it, last first, each behind a zero byte.
#include "pages.hpp"

#include "karat/hash.hpp"
#include "karat/ids.hpp"

#include <charconv>

namespace karat::api::ec2 {
namespace {

constexpr std::size_t kMaxPage = 1000;
constexpr std::size_t kRemembered = 5; // EC2's smallest page

Error bad_token()
{
    return Error{Fault::invalid, Noun::page_token,
                 "The NextToken is not one that this service gave"};
}

std::string make_token(std::vector<std::string> const& ids, std::size_t end)
{
    auto text = std::to_string(end);
    for (std::size_t back = 1; back <= std::min(end, kRemembered); ++back)
        text += '\0' + ids[end - back];
    return to_hex(as_bytes(text));
}

/// Where the page of a token begins in the list of now.
Result<std::size_t> begin_of(std::vector<std::string> const& ids, std::string const& token)
{
    auto const decoded = from_hex(token);
    auto const text = decoded.ok() ? std::string(as_text(decoded.value())) : std::string();
    std::size_t offset = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), offset);
    auto rest = std::string_view(text).substr(static_cast<std::size_t>(end - text.data()));
    if (error != std::errc() || (!rest.empty() && rest[0] != '\0'))
        return bad_token();
    for (std::size_t back = 0; back < kRemembered && !rest.empty(); ++back) {
        rest.remove_prefix(1);
        auto const id = rest.substr(0, rest.find('\0'));
        auto const found = std::find(ids.begin(), ids.end(), id);
        if (found != ids.end())
            return static_cast<std::size_t>(found - ids.begin()) + 1;
        rest.remove_prefix(id.size());
    }
    return std::min(ids.size(), offset - std::min(offset, kRemembered));
}

} // namespace

Result<PageCut> cut_page(std::vector<std::string> const& ids, PageRequest const& request)
{
    std::size_t begin = 0;
    if (request.next_token && !request.next_token->empty())
        begin = TRY(begin_of(ids, *request.next_token));
    if (request.max_results && *request.max_results < 1)
        return fail(Fault::invalid,
                    fmt::format("MaxResults must be at least 1, not {}", *request.max_results));
    auto const wanted = request.max_results
                            ? std::min(static_cast<std::size_t>(*request.max_results), kMaxPage)
                            : ids.size();
    PageCut cut{.begin = begin, .end = begin + std::min(wanted, ids.size() - begin), .next = {}};
    if (cut.end < ids.size())
        cut.next = make_token(ids, cut.end);
    return cut;
}

Result<void> no_pages_with_ids(std::string_view set, std::vector<std::string> const& ids,
                               std::optional<std::int32_t> const& max_results)
{
    if (!ids.empty() && max_results)
        return Error{
            Fault::invalid, Noun::combination,
            fmt::format("The parameter {} cannot be used with the parameter maxResults", set)};
    return {};
}

} // namespace karat::api::ec2
