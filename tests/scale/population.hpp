// SPDX-License-Identifier: Apache-2.0
// A catalog with many things, and a store with their snapshots, made quickly through the doors of
// both: for tests and measurements of what grows with the number of rows. The same sizes and seed
// make the same things.
#pragma once

#include "karat/blocks.hpp"
#include "karat/catalog.hpp"
#include "karat/fake_hypervisor.hpp"
#include "karat/memory_env.hpp"

#include <vector>

namespace karat::testing {

struct Sizes {
    std::size_t accounts = 1'000;   ///< A multiple of ten.
    std::size_t images = 100'000;   ///< Each with a snapshot; nine of ten are public.
    std::size_t instances = 10'000; ///< Each with a volume; half of them run.
    std::size_t parameters = 100'000;
    std::size_t finished_tasks = 10'000;
};

/// The first account is the large one: it owns every tenth image and instance.
struct Population {
    std::vector<Account> accounts;
    std::vector<AccessKey> keys;       ///< One for each account.
    std::vector<SecurityGroup> groups; ///< The default one of each account.
    std::vector<Subnet> subnets;       ///< The first one of each account.
    std::vector<Image> images;         ///< In order of creation.
    std::vector<InstanceId> instances; ///< In order of creation.
};

inline constexpr char const* kRegion = "us-east-1";

/// Fills an empty catalog and an empty store. Time and chance are those of `env`.
Result<Population> populate(Env env, catalog::Catalog& catalog, blocks::Store& store,
                            Sizes const& sizes);

/// An instance that runs.
struct Running {
    InstanceId id;
    std::string type;
};
Result<std::vector<Running>> running_instances(catalog::Catalog& catalog);
/// Starts a machine for each. `overlay` is a file that is there; all their disks name it.
Result<void> start_machines(std::vector<Running> const& instances,
                            compute::FakeHypervisor& hypervisor, std::string const& overlay);

} // namespace karat::testing
