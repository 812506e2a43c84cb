// SPDX-License-Identifier: Apache-2.0
// Which of the user ids that are set aside a machine has: its QEMU one and its karat-net another,
// so that no guest's process can use another guest's files. Kept in the machine's folder until it
// is forgotten.
#pragma once

#include "folder.hpp"

#include "karat/mutex.hpp"

#include <map>

namespace karat::compute {

struct UserIndices {
    unsigned qemu = 0;
    unsigned net = 0;
};

/// Thread-safe.
class Users {
public:
    Users(Files& files, std::string run_directory);
    /// The machine's; the folder is made if it is not there. Fault::exhausted when all are taken.
    Result<UserIndices> of(InstanceId const& id);
    void forget(InstanceId const& id);

private:
    Result<unsigned> place_of(InstanceId const& id) REQUIRES(mutex_);

    Files& files_;
    std::string run_directory_;
    Mutex mutex_;
    std::map<unsigned, InstanceId> taken_ GUARDED_BY(mutex_);
};

} // namespace karat::compute
