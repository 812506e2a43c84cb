// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace karat::engine {

/// What callers read where the disk has no room (Fault::full), whatever met it.
inline constexpr char const* kDiskIsFull =
    "This host's disk is full. Deregister images, delete snapshots and volumes, or terminate "
    "instances that are not needed, and try again when their room is free.";

} // namespace karat::engine
