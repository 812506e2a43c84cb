// SPDX-License-Identifier: Apache-2.0
// The choreography of snapshots in a running QEMU. Each may be repeated after a crash at any step.
// The caller lets only one at a time work on a machine.
#pragma once

#include "block_nodes.hpp"

namespace karat::compute {

/// As Hypervisor::swap_overlays.
Result<Swapped> swap_overlays(Qmp& qmp, Clock& clock, std::vector<Swap> const& swaps);

/// As Hypervisor::rebase.
Result<void> rebase(Qmp& qmp, Disk const& disk);

} // namespace karat::compute
