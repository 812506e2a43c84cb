// SPDX-License-Identifier: Apache-2.0
// SQLite's view of the operating system (sqlite3_vfs) over Env, so that tests run the real
// database on the disk in memory: power cuts, full disks and failing calls included.
#pragma once

#include "karat/env.hpp"

#include <memory>
#include <string>

namespace karat::catalog {

/// Registered with SQLite under a name of its own while it lives; outlives its connections. One
/// connection a file, in exclusive locking mode: there is no shared memory.
class EnvVfs {
public:
    explicit EnvVfs(Env env);
    ~EnvVfs();
    EnvVfs(EnvVfs const&) = delete;
    EnvVfs& operator=(EnvVfs const&) = delete;

    /// What "vfs=" in a database's URI says to use this one.
    std::string const& name() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace karat::catalog
