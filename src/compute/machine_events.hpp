// SPDX-License-Identifier: Apache-2.0
// What QEMU's events mean.
#pragma once

#include "supervisor.hpp"

namespace karat::compute {

/// Posts what a machine's events mean, as news of `machine`. Throws Json::exception for events of
/// another form than QEMU's, which Qmp passes over.
Qmp::OnEvent event_handler(Supervisor& supervisor, Supervisor::News const& machine);

} // namespace karat::compute
