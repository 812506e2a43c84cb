// SPDX-License-Identifier: Apache-2.0
#include "karat/work.hpp"

namespace karat {
namespace {

Claim claim_on(auto const& id) { return {.subject = id.text(), .on = {id.text()}, .keeps = {}}; }

/// Work on a volume, in line with that of the instance that has it.
Claim claim_on(VolumeId const& volume, std::optional<InstanceId> const& instance)
{
    if (!instance)
        return claim_on(volume);
    return {.subject = instance->text(), .on = {instance->text(), volume.text()}, .keeps = {}};
}

} // namespace

std::string frozen_layers_of(VolumeId const& volume) { return "frozen layers of " + volume.text(); }

Claim claim_of(LaunchWork const& work) { return claim_on(work.instance); }
Claim claim_of(StopWork const& work) { return claim_on(work.instance); }
Claim claim_of(RebootWork const& work) { return claim_on(work.instance); }
Claim claim_of(TerminateWork const& work) { return claim_on(work.instance); }
Claim claim_of(EndedWork const& work) { return claim_on(work.instance); }
Claim claim_of(ReapWork const& work) { return claim_on(work.instance); }
Claim claim_of(AttachWork const& work) { return claim_on(work.volume, work.instance); }
Claim claim_of(DetachWork const& work) { return claim_on(work.volume, work.instance); }
Claim claim_of(ModifyVolumeWork const& work) { return claim_on(work.volume, work.instance); }
Claim claim_of(DeleteVolumeWork const& work)
{
    auto claim = claim_on(work.volume);
    claim.on.push_back(frozen_layers_of(work.volume));
    return claim;
}
Claim claim_of(PromoteWork const& work) { return claim_on(work.volume, work.instance); }

Claim claim_of(CaptureWork const& work)
{
    Claim claim{.subject = "", .on = {}, .keeps = {}};
    if (work.instance)
        claim.subject = work.instance->text();
    else if (!work.pairs.empty())
        claim.subject = work.pairs.front().volume.text();
    for (auto const& pair : work.pairs)
        claim.keeps.push_back(pair.snapshot.text());
    if (work.phase == CapturePhase::store) {
        claim.lane = Lane::bulk;
        for (auto const& pair : work.pairs)
            claim.on.push_back(frozen_layers_of(pair.volume));
        return claim;
    }
    if (work.phase == CapturePhase::settle)
        for (auto const& holder : work.holders)
            claim.on.push_back(holder.text());
    else if (work.instance)
        claim.on.push_back(work.instance->text());
    for (auto const& pair : work.pairs)
        claim.on.push_back(pair.volume.text());
    return claim;
}

Claim claim_of(CopySnapshotWork const& work)
{
    auto claim = claim_on(work.snapshot);
    claim.keeps = {work.source.text()};
    claim.lane = Lane::bulk;
    return claim;
}

Claim claim_of(CompleteSnapshotWork const& work)
{
    auto claim = claim_on(work.snapshot);
    claim.keeps = claim.on;
    claim.lane = Lane::bulk;
    return claim;
}

Claim claim_of(SnapshotTimeoutWork const& work)
{
    return {.subject = "timeout of " + work.snapshot.text(), .on = {}, .keeps = {}};
}

Claim claim_of(ImportWork const& work)
{
    auto claim = claim_on(work.image);
    claim.keeps = {work.snapshot.text()};
    claim.lane = Lane::bulk;
    return claim;
}

Claim claim_of(ExportWork const& work)
{
    auto const subject = "export " + work.path;
    return {
        .subject = subject, .on = {subject}, .keeps = {work.snapshot.text()}, .lane = Lane::bulk};
}

Claim claim_of(CollectWork const&)
{
    return {.subject = kStoreResource, .on = {kStoreResource}, .keeps = {}, .lane = Lane::bulk};
}

Claim claim_of(ScrubWork const&)
{
    return {.subject = "scrub", .on = {"scrub"}, .keeps = {}, .lane = Lane::bulk};
}

} // namespace karat
