// SPDX-License-Identifier: Apache-2.0
#include "listing.hpp"

namespace karat::engine {
namespace {

catalog::Queries with_tag(Caller const& caller, Narrowing::Tag const& tag)
{
    catalog::Queries queries;
    for (auto const& value : tag.values)
        queries.push_back(catalog::with_tag(caller.region, caller.account, tag.key, value));
    return queries;
}

} // namespace

catalog::Queries own_things(Caller const& caller, Narrowing const& narrowing)
{
    if (narrowing.tag)
        return with_tag(caller, *narrowing.tag);
    return {catalog::within({caller.region, caller.account})};
}

catalog::Queries visible_things(Caller const& caller,
                                std::optional<std::set<AccountId>> const& owners,
                                Narrowing const& narrowing)
{
    if (narrowing.tag)
        return with_tag(caller, *narrowing.tag);
    catalog::Queries queries;
    for (auto const& name : narrowing.names)
        queries.push_back(name.is_whole ? catalog::named(caller.region, name.text)
                                        : catalog::named_from(caller.region, name.text));
    if (!queries.empty())
        return queries;
    if (!owners)
        return {catalog::within({caller.region, caller.account}),
                catalog::shared_with(caller.region, caller.account),
                catalog::shared_with_everyone(caller.region)};
    for (auto const& owner : *owners)
        queries.push_back(catalog::within({caller.region, owner}));
    return queries;
}

Result<std::optional<std::set<AccountId>>> owners_of(catalog::View& view, Caller const& caller,
                                                     std::vector<std::string> const& words)
{
    std::optional<std::set<AccountId>> owners;
    if (!words.empty())
        owners.emplace();
    for (auto const& word : words) {
        auto const id = AccountId::parse(word);
        auto const named = TRY(view.account_by_alias(word));
        if (word == "self")
            owners->insert(caller.account);
        else if (id.ok())
            owners->insert(id.value());
        else if (named)
            owners->insert(named->id);
    }
    return owners;
}

} // namespace karat::engine
