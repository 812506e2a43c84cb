// SPDX-License-Identifier: Apache-2.0
// The choreography of snapshots in a running QEMU. Each may be repeated after a crash at any step.
// The caller lets only one at a time work on a machine.
#pragma once

#include "block_nodes.hpp"

namespace karat::compute {

/// What QEMU's block nodes are now.
Result<BlockGraph> query_graph(Qmp& qmp);
/// Makes a node unless the graph has one of its name.
Result<void> add_missing(Qmp& qmp, BlockGraph const& graph, Json const& options);
/// Closes the nodes that nothing uses any more, from the top of what was cut off down.
Result<void> sweep(Qmp& qmp);

/// As Hypervisor::swap_overlays.
Result<Swapped> swap_overlays(Qmp& qmp, Clock& clock, std::vector<Swap> const& swaps);

/// As Hypervisor::rebase.
Result<void> rebase(Qmp& qmp, Disk const& disk);

} // namespace karat::compute
