// SPDX-License-Identifier: Apache-2.0
// How verbs list things. Private to the room.
#pragma once

#include "karat/engine.hpp"

#include <algorithm>
#include <set>

namespace karat::engine {

/// What finds the caller's own things.
catalog::Queries own_things(Caller const& caller, Narrowing const& narrowing);
/// What finds the things that the caller may see: those of these owners, or its own and those that
/// are shared with it. A tag is seen by its owner only.
catalog::Queries visible_things(Caller const& caller,
                                std::optional<std::set<AccountId>> const& owners,
                                Narrowing const& narrowing);
/// Accounts by id, alias or "self"; nothing when no word is given.
Result<std::optional<std::set<AccountId>>> owners_of(catalog::View& view, Caller const& caller,
                                                     std::vector<std::string> const& words);

/// Visits things that were found by their ids as a walk does: each once, by number.
template <class Thing>
Result<void> visit_found(catalog::Refs<Thing> found, std::int64_t after, Visit<Thing> const& visit)
{
    std::ranges::sort(found, {}, &catalog::Ref<Thing>::number);
    for (auto const& one : found) {
        if (one.number() <= after)
            continue;
        after = one.number();
        if (!TRY(visit(one)))
            break;
    }
    return {};
}

/// Not one that is deleted, or about to be.
inline bool is_there(Volume const& volume)
{
    return volume.state != VolumeState::deleted && volume.state != VolumeState::deleting;
}

/// Fault::not_found unless the caller owns the thing in its region; absent and foreign look alike.
template <class Thing>
Result<catalog::Ref<Thing>> find_own(catalog::View& view, Caller const& caller,
                                     catalog::IdOf<Thing> const& id)
{
    auto const found = TRY(view.find<Thing>(id));
    if (!found || found->region != caller.region || found->owner != caller.account)
        return not_found(id);
    return found;
}

/// Visits the caller's things with these ids that `shows` lets pass, which are not found otherwise;
/// all of the caller's things without ids.
template <class Thing>
Result<void> visit_own(catalog::View& view, Caller const& caller,
                       OwnSelection<catalog::IdOf<Thing>> const& selection, auto shows,
                       Visit<Thing> const& visit)
{
    auto const after = selection.narrowing.after;
    if (selection.ids.empty())
        return view.walk<Thing>(own_things(caller, selection.narrowing), after, visit);
    catalog::Refs<Thing> found;
    for (auto const& id : selection.ids) {
        found.push_back(TRY(find_own<Thing>(view, caller, id)));
        if (!shows(*found.back()))
            return not_found(id);
    }
    return visit_found(std::move(found), after, visit);
}

} // namespace karat::engine
