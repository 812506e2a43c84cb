// SPDX-License-Identifier: Apache-2.0
// A whole Karat in memory: the real rooms over a disk, a clock and machines that tests can break.
#pragma once

#include "karat/api.hpp"
#include "karat/blocks.hpp"
#include "karat/catalog.hpp"
#include "karat/engine.hpp"
#include "karat/fake_hypervisor.hpp"
#include "karat/keys.hpp"
#include "karat/memory_env.hpp"
#include "karat/volumes.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace karat::testing {

enum class Stop : unsigned char {
    daemon, ///< The process ends; disk, page cache and machines stay.
    power,  ///< The host loses power: what was not synced is gone, and so are the machines.
};

/// Not thread-safe; tasks run when work() is called and at no other time.
class World {
public:
    /// Builds and recovers the daemon, like every restart() after it.
    static Result<std::unique_ptr<World>> create(std::uint64_t seed);
    /// A daemon over a data directory that `prepare` makes on the empty disk.
    using Prepare = std::function<Result<void>(MemoryEnv&)>;
    static Result<std::unique_ptr<World>> create(std::uint64_t seed, Prepare const& prepare);
    ~World();

    api::Dispatcher& dispatcher() { return *daemon_->dispatcher; }
    engine::Engine& engine() { return *daemon_->engine; }
    blocks::Store& store() { return *daemon_->store; }
    catalog::Catalog& catalog() { return *daemon_->catalog; }
    compute::FakeHypervisor& hypervisor() { return hypervisor_; }
    MemoryEnv& env() { return env_; }

    /// What an engine of its own over this world takes.
    engine::Parts parts(catalog::Catalog& catalog);

    Result<void> restart(Stop how);
    /// The process ends; restart() begins another.
    void stop() { daemon_.reset(); }
    /// False after a restart that failed.
    bool runs() const { return daemon_ != nullptr; }
    /// Runs tasks until none is due, and moves the clock where one is due within a minute. Not
    /// longer: what waits an hour waits for the test to say so.
    Result<void> work();
    Result<std::vector<Task>> open_tasks();

    /// The caller, whose account is made when first named; "amazon" is a publisher.
    Result<engine::Caller> caller(std::string const& account, std::string const& region);
    /// Writes a synthetic disk and imports it; the task is queued when it returns.
    Result<engine::ImportedImage> import(engine::Caller const& caller, std::string const& name,
                                         std::uint64_t size_bytes, engine::ImportImage request);

    /// The key file goes away, and is put back from its backup.
    Result<void> lose_keys();
    Result<void> put_keys_back();

    /// Every write that grows a file by more than so much fails.
    Result<void> fill_disk(std::uint64_t room_bytes = 0);
    /// Every sync of a file whose path contains `part` fails.
    void break_sync(std::string part);
    /// Everything that changes the disk fails after so many syncs, as when power is about to go.
    void fail_after(int syncs);
    /// From the operation `first` on, so many that change the disk fail so; then it is well again.
    struct Trouble {
        int first = 0;
        int length = 0;
        Fault fault = Fault::io;
    };
    void fail_between(Trouble trouble);
    /// Ends what the ones above began.
    void heal();

    /// Runs once, within the step of the next task that starts a machine.
    std::function<void()> on_metadata;

    /// What must always hold (DESIGN, part 7), asked of the catalog and the store: one sentence for
    /// each thing that does not.
    Result<std::vector<std::string>> damage();

private:
    struct NoSockets final : engine::MetadataSockets {
        explicit NoSockets(World& world)
            : world_(world)
        {
        }
        Result<void> open(InstanceId const&, std::string const&) override
        {
            if (auto const hook = std::exchange(world_.on_metadata, {}))
                hook();
            return {};
        }
        void close(InstanceId const&) override {}

        World& world_;
    };
    /// In the order of building; members die from the last to the first.
    struct Daemon {
        std::unique_ptr<catalog::Catalog> catalog;
        std::unique_ptr<keys::Keys> keys;
        std::unique_ptr<blocks::Store> store;
        std::unique_ptr<volumes::Volumes> volumes;
        std::unique_ptr<engine::Engine> engine;
        std::unique_ptr<api::Dispatcher> dispatcher;
    };

    explicit World(std::uint64_t seed)
        : env_(seed)
        , hypervisor_(env_.env())
    {
    }
    Result<void> build();
    engine::Parts parts_of(Daemon& daemon, catalog::Catalog& catalog);

    MemoryEnv env_;
    compute::FakeHypervisor hypervisor_;
    NoSockets sockets_{*this};
    std::unique_ptr<Daemon> daemon_;
    std::optional<std::uint64_t> room_bytes_; ///< What fill_disk() left.
};

} // namespace karat::testing
