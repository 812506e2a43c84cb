// SPDX-License-Identifier: Apache-2.0
// Promotion: a running guest whose snapshot the host cache has whole reads it from that file, with
// no server in between. New launches do so anyway (disk_of). Which guests there are to move is
// found by comparing, again and again, so nothing needs to be remembered over a restart: a move
// that was made already is made again, and does nothing.
#include "steps.hpp"

namespace karat::engine {
namespace {

using Pair = std::pair<VolumeId, SnapshotId>;

/// Whether the volume's disk is in a running machine.
Result<bool> is_read(catalog::View& view, Volume const& volume)
{
    if (!volume.attachment || volume.attachment->state != AttachmentState::attached)
        return false;
    auto const instance = TRY(view.instance(volume.attachment->instance));
    return instance && instance->state == InstanceState::running;
}

Result<std::vector<Volume>> readers_of(Engine::State& state, SnapshotId const& snapshot)
{
    return state.catalog().read([&](catalog::View& view) -> Result<std::vector<Volume>> {
        std::vector<Volume> readers;
        for (auto& volume : TRY(view.volumes_over(snapshot))) {
            bool const read = TRY(is_read(view, volume));
            if (read)
                readers.push_back(std::move(volume));
        }
        return readers;
    });
}

Result<void> enqueue_all(Engine::State& state, std::vector<Volume> const& volumes)
{
    if (volumes.empty())
        return {};
    return state.catalog().change(
        {"worker", "Promote"}, [&](catalog::Change& change) -> Result<void> {
            for (auto const& volume : volumes)
                TRY(enqueue(state, change, PromoteWork{volume.id, volume.attachment->instance}));
            return {};
        });
}

} // namespace

Result<void> Engine::promote()
{
    auto& state = *state_;
    std::set<Pair> now;
    std::vector<Volume> fresh;
    for (auto const& cached : TRY(state.parts.volumes.cached())) {
        auto const snapshot = SnapshotId::parse(cached.snapshot);
        if (!cached.whole || !snapshot.ok())
            continue;
        for (auto const& volume : TRY(readers_of(state, snapshot.value()))) {
            Pair pair{volume.id, snapshot.value()};
            if (!state.promoted.contains(pair))
                fresh.push_back(volume);
            now.insert(std::move(pair));
        }
    }
    TRY(enqueue_all(state, fresh));
    state.promoted = std::move(now);
    return {};
}

Result<std::vector<blk::Cached>> Engine::cached() { return state_->parts.volumes.cached(); }

Result<Next> step_promote(Engine::State& state, Task& task)
{
    auto const work = TRY(work_of<PromoteWork>(task));
    auto const volume =
        TRY(state.catalog().read([&](catalog::View& view) -> Result<std::optional<Volume>> {
            auto found = TRY(view.volume(work.volume));
            bool const read = found ? TRY(is_read(view, *found)) : false;
            return read ? std::move(found) : std::nullopt;
        }));
    if (!volume || volume->attachment->instance != work.instance)
        return finished(); // it went elsewhere, which gave it the file if there is one
    auto const power = TRY(state.parts.hypervisor.power(work.instance));
    if (power == compute::Power::off)
        return finished();
    auto const disk = disk_of(state, *volume);
    if (!disk.backing || disk.backing->file.empty())
        return finished(); // evicted meanwhile
    TRY(state.parts.hypervisor.rebase(work.instance, disk));
    log(Level::info, "volume.promoted",
        {{"volume", work.volume.text()},
         {"instance", work.instance.text()},
         {"file", disk.backing->file}});
    return finished();
}

} // namespace karat::engine
