// SPDX-License-Identifier: Apache-2.0
// What the engine is made of and what it needs to know. A part of the engine's door.
#pragma once

#include "karat/blocks.hpp"
#include "karat/catalog.hpp"
#include "karat/compute.hpp"
#include "karat/env.hpp"
#include "karat/keys.hpp"
#include "karat/volumes.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace karat::engine {

/// Guests reach their metadata through one unix socket each; api/ answers there, the engine says
/// when. Thread-safe, idempotent.
class MetadataSockets {
public:
    virtual ~MetadataSockets() = default;
    virtual Result<void> open(InstanceId const& instance, std::string const& socket_path) = 0;
    virtual void close(InstanceId const& instance) = 0;
};

struct Settings {
    std::vector<std::string>
        regions;               ///< The first one is the default. Zones are region + "a", "b", "c".
    std::string run_directory; ///< Metadata sockets live below it.
    std::chrono::seconds shutdown_timeout{
        90}; ///< A guest that ignores the power button is killed after it.
    std::chrono::seconds terminated_for{3600}; ///< How long a terminated instance stays visible.
    std::chrono::hours audit_for{24 * 90};     ///< How long audit rows are kept.
    std::uint64_t memory_mib = 0;              ///< For all guests together; 0: no bound.
    std::vector<std::string> isolated = {};    ///< For status(), as the next.
    std::vector<std::string> not_isolated = {};
    int workers = 4;      ///< Threads for the lane of machines.
    int bulk_workers = 4; ///< Threads for the lane of what moves the bytes of disks.
};

/// The rooms below, and what the engine needs to know. All outlive the engine.
struct Parts {
    Env env;
    catalog::Catalog& catalog;
    keys::Keys& keys;
    blocks::Store& store;
    volumes::Volumes& volumes;
    compute::Hypervisor& hypervisor;
    MetadataSockets& metadata;
    Settings settings;
};

} // namespace karat::engine
