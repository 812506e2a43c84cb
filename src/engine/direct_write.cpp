// SPDX-License-Identifier: Apache-2.0
// Snapshots that come over the network block by block (EBS direct): begin, put, complete, give up.
// What is staged is made before the row and dropped after it left `pending`.
#include "steps.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <functional>

namespace karat::engine {
namespace {

constexpr std::size_t kMaxPending = 100; // of an account
constexpr std::uint64_t kMaxSizeGib = 65536;

Error not_writable(Snapshot const& snapshot)
{
    auto const why = !snapshot.direct ? std::string("was not begun with StartSnapshot")
                     : snapshot.direct->sealed && snapshot.state == SnapshotState::pending
                         ? std::string("is being completed")
                         : fmt::format("is {}", word(snapshot.state));
    return {Fault::wrong_state, Noun::snapshot,
            fmt::format("The snapshot {} takes no blocks: it {}", snapshot.id.text(), why)};
}

bool is_writable(Snapshot const& snapshot)
{
    return snapshot.direct && !snapshot.direct->sealed && snapshot.state == SnapshotState::pending;
}

Result<Snapshot> find_snapshot(catalog::View& view, Caller const& caller, std::string const& text)
{
    auto const id = TRY(SnapshotId::parse(text));
    return find_own_snapshot(view, caller, id);
}

/// Checks all that the catalog can tell. With a client token that was used, what that call made.
Result<std::optional<Snapshot>> check_start(catalog::View& view, Caller const& caller,
                                            StartSnapshot const& request)
{
    auto const before =
        TRY(repeated(view, caller, {"StartSnapshot", request.client_token, request.fingerprint}));
    if (before)
        return std::optional(TRY(find_snapshot(view, caller, before->front())));
    if (request.parent) {
        auto const parent = TRY(find_usable_snapshot(view, caller, *request.parent));
        if (parent.size_gib > request.size_gib)
            return Error{Fault::invalid, Noun::volume_size,
                         fmt::format("{} GiB cannot hold the parent {}, which has {}",
                                     request.size_gib, parent.id.text(), parent.size_gib)};
    }
    auto const all = TRY(view.list<Snapshot>(catalog::pending_of(caller.account)));
    auto const pending = std::ranges::count_if(
        all, [](catalog::Ref<Snapshot> const& one) { return one->direct.has_value(); });
    if (static_cast<std::size_t>(pending) >= kMaxPending)
        return Error{Fault::exhausted, Noun::snapshot,
                     fmt::format("An account has at most {} pending snapshots; complete or delete "
                                 "one",
                                 kMaxPending)};
    return std::optional<Snapshot>();
}

/// Its parent's key, or as EC2 gives one to what is new.
Result<std::string> choose_key(Engine::State& state, catalog::View& view, Caller const& caller,
                               StartSnapshot const& request)
{
    if (!request.parent)
        return key_for(state, view, caller, request.encryption, {});
    if (request.encryption.encrypted || !request.encryption.key.empty())
        return fail(Fault::invalid, "With ParentSnapshotId, Encrypted and KmsKeyArn are left out: "
                                    "the snapshot has its parent's key");
    auto const parent = TRY(find_usable_snapshot(view, caller, *request.parent));
    auto const key = TRY(key_for(state, view, caller, {}, encryption_of(parent)));
    if (key != parent.kms_key)
        return Error{Fault::invalid, Noun::snapshot,
                     fmt::format("What this account begins is encrypted with {}, and the parent {} "
                                 "is not; begin over a copy of it",
                                 key, parent.id.text())};
    return key;
}

Snapshot new_row(Engine::State& state, Caller const& caller, StartSnapshot const& request)
{
    auto snapshot =
        new_snapshot(state, caller, request.size_gib, request.description, request.tags);
    snapshot.parent = request.parent;
    snapshot.direct = DirectWrite{.timeout_minutes = request.timeout_minutes};
    return snapshot;
}

/// Writes the row, unless another call with the same token was faster.
Result<Snapshot> save_start(Engine::State& state, Caller const& caller,
                            StartSnapshot const& request, Snapshot const& fresh)
{
    return change_for(state, caller, "StartSnapshot",
                      [&](catalog::Change& change) -> Result<Snapshot> {
                          if (auto before = TRY(check_start(change, caller, request)))
                              return std::move(*before);
                          TRY(change.save(fresh));
                          TRY(enqueue(state, change, SnapshotTimeoutWork{fresh.id},
                                      std::chrono::minutes(fresh.direct->timeout_minutes)));
                          TRY(remember(state, change, caller,
                                       {"StartSnapshot", request.client_token, request.fingerprint},
                                       {fresh.id.text()}));
                          return fresh;
                      });
}

std::optional<std::string> base_of(Snapshot const& snapshot)
{
    return snapshot.parent ? std::optional(snapshot.parent->text()) : std::nullopt;
}

} // namespace

Result<Snapshot> Engine::start_snapshot(Caller const& caller, StartSnapshot const& request)
{
    TRY(check_description(request.description));
    TRY(check_tags(request.tags));
    if (request.size_gib < 1 || request.size_gib > kMaxSizeGib)
        return Error{
            Fault::invalid, Noun::volume_size,
            fmt::format("A volume has 1 to {} GiB, not {}", kMaxSizeGib, request.size_gib)};
    auto looking = caller; // a read changes nothing, and so makes no key
    looking.dry_run = true;
    std::string key;
    auto before =
        TRY(state_->catalog().read([&](catalog::View& view) -> Result<std::optional<Snapshot>> {
            auto found = TRY(check_start(view, caller, request));
            if (!found)
                key = TRY(choose_key(*state_, view, looking, request));
            return found;
        }));
    if (before)
        return std::move(*before);
    TRY(check_room(*state_, Noun::volume));
    auto fresh = new_row(*state_, caller, request);
    fresh.kms_key = TRY(made_key(*state_, caller, key));
    auto& staged = state_->parts.store.staged();
    TRY(staged.begin(facts_of(fresh, fresh.started), base_of(fresh)));
    auto saved = save_start(*state_, caller, request, fresh);
    if (!saved.ok() || saved.value().id != fresh.id) {
        auto const dropped = staged.drop(fresh.id.text());
        if (!dropped.ok()) // recover() does it
            log(Level::warn, "staged.kept", dropped.error(), {{"snapshot", fresh.id.text()}});
    }
    return saved;
}

Result<void> Engine::put_block(Caller const& caller, NewBlock const& block)
{
    auto const snapshot = TRY(own_snapshot(caller, block.snapshot));
    if (!is_writable(snapshot))
        return not_writable(snapshot);
    auto const blocks = snapshot.size_gib * kGiB / blocks::kStagedUnitBytes;
    if (block.index >= blocks)
        return Error{Fault::invalid, Noun::block,
                     fmt::format("The block {} is not one of the {} blocks of {}", block.index,
                                 blocks, snapshot.id.text())};
    auto const staged = TRY(state_->parts.store.staged().find(snapshot.id.text()));
    auto put = staged->put(
        {.index = block.index, .data = block.data, .sum = block.sum, .when = state_->now()});
    if (!put.ok() && put.error().fault == Fault::wrong_state)
        return Error{Fault::wrong_state, Noun::snapshot, put.error().message};
    if (!put.ok() && put.error().fault == Fault::denied)
        return Error{Fault::denied, Noun::encryption_key, put.error().message};
    return put;
}

namespace {

/// Whether what came is what the caller counted.
Result<void> check_contents(CompleteSnapshot const& request, blocks::StagedContents const& came)
{
    if (came.units != request.blocks)
        return fail(Fault::invalid,
                    fmt::format("ChangedBlocksCount is {}, but {} blocks were put in {}",
                                request.blocks, came.units, request.snapshot.text()));
    if (request.checksum && *request.checksum != came.checksum)
        return fail(Fault::invalid,
                    fmt::format("The checksum does not match the blocks of {}: SHA-256 of their "
                                "SHA-256 digests, by ascending index",
                                request.snapshot.text()));
    return {};
}

Result<Snapshot> seal_row(Engine::State& state, Caller const& caller,
                          CompleteSnapshot const& request)
{
    return change_for(state, caller, "CompleteSnapshot",
                      [&](catalog::Change& change) -> Result<Snapshot> {
                          auto snapshot = TRY(find_own_snapshot(change, caller, request.snapshot));
                          if (!is_writable(snapshot))
                              return not_writable(snapshot);
                          snapshot.direct->sealed = true;
                          snapshot.direct->blocks = request.blocks;
                          TRY(change.save(snapshot));
                          TRY(enqueue(state, change, CompleteSnapshotWork{snapshot.id}));
                          return snapshot;
                      });
}

} // namespace

Result<Snapshot> Engine::complete_snapshot(Caller const& caller, CompleteSnapshot const& request)
{
    auto const snapshot = TRY(own_snapshot(caller, request.snapshot));
    bool const is_repeated = snapshot.direct && snapshot.direct->sealed &&
                             snapshot.direct->blocks == request.blocks &&
                             snapshot.state != SnapshotState::error;
    if (is_repeated) // the first answer was lost on its way
        return snapshot;
    if (!is_writable(snapshot))
        return not_writable(snapshot);
    TRY(check_room(*state_, Noun::volume));
    auto const staged = TRY(state_->parts.store.staged().find(snapshot.id.text()));
    auto const came = TRY(staged->seal());
    auto const good = check_contents(request, came);
    auto sealed = good.ok() ? seal_row(*state_, caller, request) : Result<Snapshot>(good.error());
    if (!sealed.ok())
        staged->unseal();
    return sealed;
}

namespace {

/// Makes the manifest, or finds what an earlier run of the task made.
Result<blocks::Committed> make_snapshot(Engine::State& state, Snapshot const& row)
{
    auto const made = state.parts.store.view(row.id.text());
    if (made.ok())
        return blocks::Committed{.root = made.value()->root(),
                                 .full_size_bytes = made.value()->full_size_bytes()};
    if (made.error().fault != Fault::not_found)
        return made.error();
    auto const staged = TRY(state.parts.store.staged().find(row.id.text()));
    return staged->commit(facts_of(row, state.now()));
}

/// Ends the snapshot's row, unless it was deleted meanwhile.
Result<void> end_row(catalog::Change& change, SnapshotId const& id,
                     std::function<void(Snapshot&)> const& change_row, SnapshotState to)
{
    auto row = TRY(change.snapshot(id));
    if (!row || row->state != SnapshotState::pending)
        return {};
    change_row(*row);
    TRY(become(*row, to));
    return change.save(*row);
}

} // namespace

Result<Next> step_complete_snapshot(Engine::State& state, Task& task)
{
    auto const work = TRY(work_of<CompleteSnapshotWork>(task));
    auto const pending = TRY(pending_snapshot(state, work.snapshot));
    if (!pending)
        return finished();
    auto const stored = TRY(make_snapshot(state, *pending));
    auto const complete = [&](Snapshot& row) { set_stored(row, stored, state.now()); };
    TRY(commit(state, task, [&](catalog::Change& change) {
        return end_row(change, pending->id, complete, SnapshotState::completed);
    }));
    TRY(state.parts.store.staged().drop(pending->id.text()));
    log(Level::info, "snapshot.completed",
        {{"snapshot", pending->id.text()},
         {"blocks", pending->direct->blocks},
         {"request", task.request}});
    return finished();
}

Result<void> give_up_complete_snapshot(Engine::State& state, Task const& task, Error const& error)
{
    auto const work = TRY(work_of<CompleteSnapshotWork>(task));
    auto const pending = TRY(pending_snapshot(state, work.snapshot));
    if (!pending)
        return give_up_nothing(state, task, error);
    TRY(commit(state, task, [&](catalog::Change& change) {
        return end_row(
            change, pending->id,
            [&](Snapshot& row) { row.state_message = message_for_caller(error); },
            SnapshotState::error);
    }));
    TRY(state.parts.store.staged().drop(pending->id.text()));
    return give_up_nothing(state, task, error);
}

namespace {

/// The error row first, then what is staged: a crash between leaves what settle_staged() drops.
Result<void> time_out(Engine::State& state, Task const& task, Snapshot const& pending)
{
    auto const say_why = [](Snapshot& row) {
        row.state_message = fmt::format("No block came for {} minutes, and the snapshot was not "
                                        "completed",
                                        row.direct->timeout_minutes);
    };
    TRY(commit(state, task, [&](catalog::Change& change) {
        return end_row(change, pending.id, say_why, SnapshotState::error);
    }));
    return state.parts.store.staged().drop(pending.id.text());
}

} // namespace

Result<Next> step_snapshot_timeout(Engine::State& state, Task& task)
{
    auto const work = TRY(work_of<SnapshotTimeoutWork>(task));
    auto const pending = TRY(pending_snapshot(state, work.snapshot));
    if (!pending || pending->direct->sealed)
        return finished();
    auto const staged = TRY(state.parts.store.staged().find(pending->id.text()));
    auto const limit = std::chrono::minutes(pending->direct->timeout_minutes);
    auto const left = [&] {
        auto const last = std::max(staged->last_put(), pending->started);
        auto const noted = state.clock_watch.by_todays_clock(last); // it may have been set
        return std::min(noted, state.now()) + limit - state.now();
    };
    if (left().count() > 0)
        return again_after(left());
    TRY(staged->seal()); // no block is acknowledged any more
    if (left().count() > 0) {
        staged->unseal();
        return again_after(left());
    }
    auto const ended = time_out(state, task, *pending);
    if (!ended.ok())
        staged->unseal();
    TRY(ended);
    return finished();
}

Result<void> settle_staged(Engine::State& state)
{
    auto& staged = state.parts.store.staged();
    for (auto const& name : staged.names()) {
        auto const id = TRY(SnapshotId::parse(name));
        auto const row =
            TRY(state.catalog().read([&](catalog::View& view) { return view.snapshot(id); }));
        if (row && row->state == SnapshotState::pending)
            continue;
        auto const held = TRY(staged.find(name));
        // Without a row it is what a crash in StartSnapshot left, and empty. If it is not, the
        // catalog is older than the blocks: somebody's only copy, never removed here.
        if (!row && held->last_put() != Time{})
            log(Level::error, "staged.unknown", {{"snapshot", name}});
        else
            TRY(staged.drop(name));
    }
    return {};
}

} // namespace karat::engine
