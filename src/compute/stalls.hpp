// SPDX-License-Identifier: Apache-2.0
// Which machines wait for room on this host's disk.
#pragma once

#include "qemu_machine.hpp"

#include "karat/mutex.hpp"

#include <map>

namespace karat::compute {

/// What QEMU says of a machine that met a full disk: QemuMachine::status().
inline constexpr std::string_view kStalled = "io-error";

/// For several threads at once.
class Stalls {
public:
    /// Resumes a machine that stands still, if there is room. True until it runs: it is to be
    /// called again then.
    bool resume(QemuMachine& machine, Env const& env);
    /// The machine has ended, or runs. False when it did not stand still.
    bool forget(InstanceId const& id);
    std::vector<Stall> all() const;

private:
    bool note(InstanceId const& id, Time now);

    mutable Mutex mutex_;
    std::map<InstanceId, Time> since_ GUARDED_BY(mutex_);
};

} // namespace karat::compute
