// SPDX-License-Identifier: Apache-2.0
// karat store rebuild: the catalog was lost, or parts of it, and the store was not. Every manifest
// says whose it is.
#include "state.hpp"

#include "karat/json.hpp"

#include <fmt/format.h>

namespace karat::engine {
namespace {

/// The row that a manifest tells of. Fault::corrupt when a fact is missing or wrong.
Result<Snapshot> row_of(blocks::Description const& described)
{
    auto const& facts = described.facts;
    auto const fact = [&](char const* key) {
        auto const found = facts.details.find(key);
        return found == facts.details.end() ? std::string() : found->second;
    };
    auto const id = TRY(SnapshotId::parse(facts.name));
    auto const owner = TRY(AccountId::parse(fact("owner")));
    Snapshot row{.id = id, .owner = owner, .region = fact("region")};
    row.state = SnapshotState::completed;
    row.progress_percent = 100;
    row.volume = fact("volume");
    row.size_gib = (facts.size_bytes + kGiB - 1) / kGiB;
    row.full_size_bytes = described.full_size_bytes;
    row.description = fact("description");
    row.started = TRY(parse_time(fact("started")));
    row.completed = row.started;
    if (auto const completed = fact("completed"); !completed.empty())
        row.completed = TRY(parse_time(completed));
    row.content = described.root;
    row.kms_key = facts.key;
    if (!facts.parent.empty())
        row.parent = TRY(SnapshotId::parse(facts.parent));
    auto const tags = nlohmann::json::parse(fact("tags"), nullptr, false);
    if (tags.is_discarded() || !tags.is_object())
        return fail(Fault::corrupt, fmt::format("The tags of {} are damaged", facts.name));
    for (auto const& [key, value] : tags.items())
        if (value.is_string())
            row.tags[key] = value.get<std::string>();
    return row;
}

/// False when the catalog has it already.
Result<bool> restore(Engine::State& state, std::string const& name, Rebuilt& rebuilt)
{
    auto const id = TRY(SnapshotId::parse(name));
    auto const known =
        TRY(state.catalog().read([&](catalog::View& view) { return view.snapshot(id); }));
    if (known)
        return false;
    auto const described = TRY(state.parts.store.describe(name));
    auto const row = TRY(row_of(described));
    auto const made = TRY(
        state.catalog().change({"admin", "Rebuild"}, [&](catalog::Change& change) -> Result<bool> {
            auto const owner = TRY(change.account(row.owner));
            if (!owner) {
                Account account{.id = row.owner,
                                .name = rebuilt_name(row.owner),
                                .alias = "",
                                .created = row.started};
                TRY(change.save(account));
            }
            TRY(change.save(row));
            return !owner;
        }));
    if (made)
        rebuilt.accounts.push_back(row.owner);
    rebuilt.snapshots.push_back(id);
    return true;
}

} // namespace

Result<Rebuilt> Engine::rebuild()
{
    Rebuilt rebuilt;
    rebuilt.catalog = TRY(state_->catalog().repair());
    for (auto const& dropped : rebuilt.catalog.dropped)
        log(Level::error, "catalog.row_dropped",
            {{"row", dropped}, {"kept_in", rebuilt.catalog.kept_in}});
    for (auto const& name : TRY(state_->parts.store.names())) {
        auto const restored = restore(*state_, name, rebuilt);
        if (!restored.ok())
            rebuilt.failed.push_back(fmt::format("{}: {}", name, restored.error().message));
    }
    log(Level::info, "store.rebuilt",
        {{"mended", rebuilt.catalog.mended},
         {"dropped", rebuilt.catalog.dropped.size()},
         {"snapshots", rebuilt.snapshots.size()},
         {"accounts", rebuilt.accounts.size()},
         {"failed", rebuilt.failed.size()}});
    return rebuilt;
}

} // namespace karat::engine
