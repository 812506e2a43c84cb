// SPDX-License-Identifier: Apache-2.0
// What one change does: the state as it will be, and the statements that make it so in SQL.
#pragma once

#include "documents.hpp"
#include "live.hpp"
#include "sql.hpp"

#include <set>

namespace karat::catalog {

struct Edits {
    State next; ///< Begins as a copy of what the change builds on.
    Edit edit{};
    std::vector<Statement> statements;
    std::set<std::string> touched; ///< Ids of what was written, for the audit row.
    bool has_work = false;         ///< A task became due, or it is another one's turn.
    std::string request;           ///< The id of the call, for the tasks that it queues.
};

/// The audit row of a change by this actor.
Statement audit_row(Actor const& actor, std::set<std::string> const& touched, Time now);

// ---- Tasks and their leases, for the catalog itself (karat/catalog.hpp has the contracts).

/// The next task that a worker may take, or null.
Task const* next_task(State const& state, Time now, std::optional<Lane> lane);
Result<std::optional<Task>> take_task(Edits& edits, Clock& clock, std::string const& host,
                                      std::chrono::milliseconds lease, std::optional<Lane> lane);
Result<void> renew_task(Edits& edits, Clock& clock, Task const& task,
                        std::chrono::milliseconds lease);
Result<void> release_tasks(Edits& edits, Clock& clock, std::string const& host);
std::optional<Time> next_task_due(State const& state, Time now, std::optional<Lane> lane);

/// Keeps the task as it is.
Result<void> store_task(Edits& edits, Task const& task);

/// Writes a record: the row, and what finds it in memory.
template <class Thing>
Result<void> put(Edits& edits, Thing const& thing)
{
    auto const& table = table_of<Thing>();
    auto& live = edits.next.template table<Thing>();
    auto const document = TRY(write_document(thing));
    auto const keys = keys_of(thing);
    auto const& key = keys.single.front();
    auto const old = TRY(live.find(key));
    auto number = live.last_number + 1;
    if constexpr (std::same_as<Thing, Task>)
        number = thing.id;
    if (old) {
        number = old->number;
        live.remove(edits.edit, number, keys_of(static_cast<Stored<Thing> const&>(*old).thing));
    }
    live.add(edits.edit, std::make_shared<Stored<Thing>>(number, thing), keys);
    edits.statements.push_back(sql::save(table, number, columns_of(thing), document));
    return {};
}

/// Removes a record; returns whether there was one.
template <class Thing>
Result<bool> erase(Edits& edits, std::string const& key)
{
    auto& live = edits.next.template table<Thing>();
    auto const old = TRY(live.find(key));
    if (!old)
        return false;
    auto const& thing = static_cast<Stored<Thing> const&>(*old).thing;
    live.remove(edits.edit, old->number, keys_of(thing));
    edits.statements.push_back(sql::erase(table_of<Thing>(), columns_of(thing)));
    return true;
}

} // namespace karat::catalog
