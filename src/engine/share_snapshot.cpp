// SPDX-License-Identifier: Apache-2.0
// CopySnapshot, and who may make volumes of a snapshot.
#include "steps.hpp"

#include "karat/log.hpp"

#include <fmt/format.h>

namespace karat::engine {
namespace {

constexpr std::size_t kMaxSharers = 1000;

} // namespace

Result<Snapshot> begin_copy(Engine::State& state, catalog::Change& change, Caller const& caller,
                            Snapshot const& source, CopySnapshot const& request,
                            std::optional<ImageId> const& image)
{
    auto of = encryption_of(source);
    of.passes_on = false; // as EC2 does: a copy has the default key, or the one named
    auto const key = TRY(key_for(state, change, caller, request.encryption, of));
    TRY(check_room(state, Noun::volume));
    TRY(rehearse(request.dry_run));
    auto copy = new_snapshot(state, caller, source.size_gib, request.description, request.tags);
    copy.kms_key = key;
    TRY(change.save(copy));
    TRY(enqueue(state, change, CopySnapshotWork{copy.id, source.id, image}));
    return copy;
}

Result<Snapshot> Engine::copy_snapshot(Caller const& caller, CopySnapshot const& request)
{
    TRY(check_description(request.description));
    TRY(check_tags(request.tags));
    TRY(check_region(request.source_region));
    return change_for(*state_, caller, "CopySnapshot",
                      [&](catalog::Change& change) -> Result<Snapshot> {
                          auto const source = TRY(find_usable_snapshot(
                              change, {caller.account, request.source_region}, request.source));
                          return begin_copy(*state_, change, caller, source, request, {});
                      });
}

Result<Next> step_copy_snapshot(Engine::State& state, Task& task)
{
    auto const work = TRY(work_of<CopySnapshotWork>(task));
    auto const copy = TRY(pending_snapshot(state, work.snapshot));
    if (!copy)
        return finished(); // deleted meanwhile
    auto const stored =
        TRY(state.parts.volumes.copy(work.source, facts_of(*copy, state.now()), [&](double share) {
            return report_progress(state, task, share);
        }));
    auto const next = TRY(finish(state, task, [&](catalog::Change& change) -> Result<void> {
        auto row = TRY(change.snapshot(copy->id));
        if (!row)
            return {};
        set_stored(*row, stored, state.now());
        if (row->state == SnapshotState::pending)
            TRY(become(*row, SnapshotState::completed));
        TRY(change.save(*row));
        return settle_image(change, work.image, {});
    }));
    log(Level::info, "snapshot.copied",
        {{"snapshot", copy->id.text()},
         {"source", work.source.text()},
         {"region", copy->region},
         {"request", task.request}});
    return next;
}

Result<void> give_up_copy_snapshot(Engine::State& state, Task const& task, Error const& error)
{
    auto const work = TRY(work_of<CopySnapshotWork>(task));
    return fail_task(state, task, error, [&](catalog::Change& change) -> Result<void> {
        auto row = TRY(change.snapshot(work.snapshot));
        if (!row || row->state != SnapshotState::pending)
            return {};
        TRY(become(*row, SnapshotState::error));
        row->state_message = message_for_caller(error);
        TRY(change.save(*row));
        return settle_image(change, work.image, row->state_message);
    });
}

Result<void> Engine::change_volume_permissions(Caller const& caller, SnapshotId const& id,
                                               VolumePermissionChange const& request, bool dry_run)
{
    return change_for(
        *state_, caller, "ModifySnapshotAttribute", [&](catalog::Change& change) -> Result<void> {
            auto snapshot = TRY(find_own_snapshot(change, caller, id));
            if (request.reset) {
                snapshot.volume_permissions.clear();
                snapshot.is_public = false;
            }
            for (auto const& account : request.add)
                snapshot.volume_permissions.insert(account);
            for (auto const& account : request.remove)
                snapshot.volume_permissions.erase(account);
            snapshot.is_public = request.everyone.value_or(snapshot.is_public);
            if (snapshot.volume_permissions.size() > kMaxSharers)
                return fail(
                    Fault::exhausted,
                    fmt::format("A snapshot is shared with at most {} accounts", kMaxSharers));
            bool const with_everybody = request.everyone.value_or(false);
            if (with_everybody || !request.add.empty())
                TRY(check_sharing(*state_, snapshot, with_everybody));
            TRY(rehearse(dry_run));
            return change.save(snapshot);
        });
}

} // namespace karat::engine
