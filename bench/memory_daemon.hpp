// SPDX-License-Identifier: Apache-2.0
// A daemon over a populated data directory, for measurements of what grows with the rows.
#pragma once

#include "population.hpp"

#include "karat/api.hpp"
#include "karat/engine.hpp"
#include "karat/keys.hpp"
#include "karat/volumes.hpp"

#include <cstdlib>
#include <memory>
#include <string>

namespace karat::testing {

inline constexpr char const* kOverlay = "/overlay"; ///< Of every machine that ran before.

/// Where the catalog is: a PostgreSQL database, if the environment names one.
inline std::string catalog_of(std::string const& data)
{
    char const* const url = std::getenv("KARAT_BENCH_CATALOG");
    return url != nullptr ? url : data + "/catalog.sqlite";
}

/// As karatd, but for the machines: they are in memory, and those that should run do.
struct Daemon {
    std::string data;
    compute::FakeHypervisor hypervisor{posix_env()};
    std::unique_ptr<catalog::Catalog> catalog;
    std::unique_ptr<keys::Keys> keys;
    std::unique_ptr<blocks::Store> store;
    std::unique_ptr<volumes::Volumes> volumes;
    std::unique_ptr<api::Endpoint> endpoint;
    std::unique_ptr<engine::Engine> engine;

    Result<void> start_machines(std::vector<Running> const& running)
    {
        return testing::start_machines(running, hypervisor, data + kOverlay);
    }

    Result<void> start()
    {
        auto const env = posix_env();
        auto const run = data + "/run";
        catalog = TRY(catalog::Catalog::open(env, catalog_of(data)));
        keys = keys::make_file_keys(env, data + "/encryption-keys");
        store = TRY(blocks::Store::open(env, data + "/store", {.keys = keys.get()}));
        volumes = TRY(volumes::Volumes::open(env, *store,
                                             {.directory = data + "/volumes",
                                              .run_directory = run,
                                              .store_directory = data + "/store",
                                              .cache_directory = data + "/cache"}));
        endpoint = TRY(api::Endpoint::create(
            env, {.port = 0, .admin_socket = run + "/admin.sock", .data_directory = data}));
        engine = std::make_unique<engine::Engine>(engine::Parts{
            .env = env,
            .catalog = *catalog,
            .keys = *keys,
            .store = *store,
            .volumes = *volumes,
            .hypervisor = hypervisor,
            .metadata = endpoint->metadata(),
            .settings = {
                .regions = {kRegion}, .run_directory = run, .memory_mib = std::uint64_t{1} << 40}});
        endpoint->answer_guests(*engine);
        TRY(engine->recover());
        return endpoint->start(*engine);
    }
};

} // namespace karat::testing
