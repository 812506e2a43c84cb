// SPDX-License-Identifier: Apache-2.0
// Rules about the overlays of a disk, the same for every hypervisor.
#pragma once

#include "karat/compute.hpp"

namespace karat::compute {

/// Fault::invalid unless the machine can be started: a boot disk, an overlay on each disk, no
/// volume twice, sensible processors and memory.
Result<void> check_machine(Machine const& machine);

/// Fault::wrong_state unless `wanted` keeps overlays of `current` in their order, top included.
Result<void> check_rebase(Disk const& current, Disk const& wanted);

/// The disk with this volume; Fault::not_found if the machine has none.
Result<Disk*> find_disk(Machine& machine, VolumeId const& volume);

} // namespace karat::compute
