// SPDX-License-Identifier: Apache-2.0
// The members of every kind of work, as members.hpp has those of the nouns.
#pragma once

#include "members.hpp"

#include "karat/work.hpp"

namespace karat::catalog {

void members(auto& visit, Is<LaunchWork> auto& it)
{
    visit("instance", it.instance);
    visit("start", it.start);
}

void members(auto& visit, Is<StopWork> auto& it)
{
    visit("instance", it.instance);
    visit("force", it.force);
    visit("asked", it.asked);
}

void members(auto& visit, Is<RebootWork> auto& it) { visit("instance", it.instance); }

void members(auto& visit, Is<TerminateWork> auto& it)
{
    visit("instance", it.instance);
    visit("force", it.force);
    visit("asked", it.asked);
}

void members(auto& visit, Is<EndedWork> auto& it)
{
    visit("instance", it.instance);
    visit("shut_down", it.shut_down);
}

void members(auto& visit, Is<ReapWork> auto& it) { visit("instance", it.instance); }

void members(auto& visit, Is<AttachWork> auto& it)
{
    visit("volume", it.volume);
    visit("instance", it.instance);
}

void members(auto& visit, Is<DetachWork> auto& it)
{
    visit("volume", it.volume);
    visit("instance", it.instance);
    visit("force", it.force);
    visit("looks", it.looks);
    visit("since", it.since);
}

void members(auto& visit, Is<ModifyVolumeWork> auto& it)
{
    visit("volume", it.volume);
    visit("instance", it.instance);
}

void members(auto& visit, Is<DeleteVolumeWork> auto& it) { visit("volume", it.volume); }

void members(auto& visit, Is<PromoteWork> auto& it)
{
    visit("volume", it.volume);
    visit("instance", it.instance);
}

void members(auto& visit, Is<CapturePair> auto& it)
{
    visit("volume", it.volume);
    visit("snapshot", it.snapshot);
}

void members(auto& visit, Is<CaptureWork> auto& it)
{
    visit("instance", it.instance);
    visit("image", it.image);
    visit("no_reboot", it.no_reboot);
    visit("merge", it.merge);
    visit("phase", it.phase);
    visit("was_running", it.was_running);
    visit("until", it.until);
    visit("pairs", it.pairs);
    visit("holders", it.holders);
}

void members(auto& visit, Is<CopySnapshotWork> auto& it)
{
    visit("snapshot", it.snapshot);
    visit("source", it.source);
    visit("image", it.image);
}

void members(auto& visit, Is<CompleteSnapshotWork> auto& it) { visit("snapshot", it.snapshot); }

void members(auto& visit, Is<SnapshotTimeoutWork> auto& it) { visit("snapshot", it.snapshot); }

void members(auto& visit, Is<ImportWork> auto& it)
{
    visit("path", it.path);
    visit("format", it.format);
    visit("image", it.image);
    visit("snapshot", it.snapshot);
}

void members(auto& visit, Is<ExportWork> auto& it)
{
    visit("snapshot", it.snapshot);
    visit("path", it.path);
    visit("form", it.form);
    visit("cancelled", it.cancelled);
}

void members(auto&, Is<CollectWork> auto&) {}

void members(auto& visit, Is<ScrubWork> auto& it)
{
    visit("mib_per_second", it.mib_per_second);
    visit("anew", it.anew);
}

} // namespace karat::catalog
