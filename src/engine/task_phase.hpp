// SPDX-License-Identifier: Apache-2.0
// How a task stands, from its row and from what this process is at. Private to the room.
#pragma once

#include "at_work.hpp"

#include "karat/overview.hpp"

namespace karat::engine {

/// The same as describe(), for those that only count.
TaskPhase phase_of(Task const& task, AtWork::One const* at_work, Time now);
/// `at_work` is nullptr when no worker of this process is at it.
TaskFacts describe(Task task, AtWork::One const* at_work, Time now);

} // namespace karat::engine
