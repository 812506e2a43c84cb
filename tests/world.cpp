// SPDX-License-Identifier: Apache-2.0
#include "world.hpp"

#include <fmt/format.h>

namespace karat::testing {
namespace {

constexpr std::uint64_t kDiskBytes = std::uint64_t{1} << 40;
constexpr std::uint64_t kKeepFreeBytes = 2 << 20;
constexpr std::chrono::minutes kLongestWait{1};
constexpr char const* kKeyFile = "/data/encryption-keys";
constexpr char const* kKeyBackup = "/data/encryption-keys.backup";
constexpr int kMaxSteps = 5000;

/// Bytes that do not compress away and differ from name to name; a quarter of the disk is holes.
Bytes disk_bytes(std::string const& name, std::uint64_t size_bytes)
{
    constexpr std::size_t kStretch = 64 * 1024;
    Bytes disk(size_bytes);
    SeededChance chance(std::hash<std::string>()(name));
    for (std::size_t at = 0; at < disk.size(); at += kStretch)
        if (at / kStretch % 4 != 3)
            chance.fill(std::span(disk).subspan(at, std::min(kStretch, disk.size() - at)));
    return disk;
}

} // namespace

World::~World() = default;

Result<std::unique_ptr<World>> World::create(std::uint64_t seed)
{
    return create(seed, [](MemoryEnv&) { return Result<void>(); });
}

Result<std::unique_ptr<World>> World::create(std::uint64_t seed, Prepare const& prepare)
{
    auto world = std::unique_ptr<World>(new World(seed));
    for (auto const* const directory : {"/data/store", "/data/volumes", "/run", "/disks"})
        TRY(world->env_.files.make_dirs(directory));
    TRY(prepare(world->env_));
    TRY(world->build());
    return world;
}

engine::Parts World::parts_of(Daemon& daemon, catalog::Catalog& catalog)
{
    return {.env = env_.env(),
            .catalog = catalog,
            .keys = *daemon.keys,
            .store = *daemon.store,
            .volumes = *daemon.volumes,
            .hypervisor = hypervisor_,
            .metadata = sockets_,
            .settings = {.regions = {"us-east-1", "eu-west-1"},
                         .run_directory = "/run",
                         .memory_mib = 64 * 1024}};
}

engine::Parts World::parts(catalog::Catalog& catalog) { return parts_of(*daemon_, catalog); }

Result<void> World::build()
{
    auto const env = env_.env();
    auto daemon = std::make_unique<Daemon>();
    daemon->catalog =
        TRY(catalog::Catalog::open(env, "/data/catalog.sqlite", catalog::Storage::through_env));
    daemon->keys = keys::make_file_keys(env, kKeyFile);
    daemon->store = TRY(blocks::Store::open(
        env, "/data/store",
        {.pack_bytes = 4 << 20, .keys = daemon->keys.get(), .keep_free_bytes = kKeepFreeBytes}));
    daemon->volumes = TRY(volumes::Volumes::open(env, *daemon->store,
                                                 {.directory = "/data/volumes",
                                                  .run_directory = "/run",
                                                  .store_directory = "/data/store",
                                                  .cache_directory = "/data/cache"}));
    daemon->engine = std::make_unique<engine::Engine>(parts_of(*daemon, *daemon->catalog));
    TRY(daemon->engine->recover());
    daemon->dispatcher = std::make_unique<api::Dispatcher>(env, *daemon->engine, Bytes(32));
    daemon_ = std::move(daemon);
    return {};
}

Result<void> World::restart(Stop how)
{
    if (how == Stop::power) {
        env_.files.crash();
        hypervisor_.lose_power();
    }
    daemon_.reset();
    return build();
}

Result<void> World::work()
{
    for (int step = 0; step < kMaxSteps; ++step) {
        bool const worked = TRY(engine().work_once());
        if (worked)
            continue;
        auto const due = TRY(engine().next_work_due());
        if (!due || *due > env_.clock.now() + kLongestWait)
            return {};
        env_.clock.advance(*due - env_.clock.now());
    }
    return fail(Fault::exhausted, "The work does not end");
}

Result<std::vector<Task>> World::open_tasks()
{
    return daemon_->catalog->read([](catalog::View& view) { return view.open_tasks(); });
}

Result<engine::Caller> World::caller(std::string const& account, std::string const& region)
{
    auto found = engine().account_named(account);
    if (!found.ok() && found.error().fault == Fault::not_found)
        found = engine().create_account(account, account == "amazon" ? "amazon" : "");
    auto const known = TRY(std::move(found));
    return engine::Caller{known.id, region};
}

Result<engine::ImportedImage> World::import(engine::Caller const& caller, std::string const& name,
                                            std::uint64_t size_bytes, engine::ImportImage request)
{
    request.name = name;
    request.path = "/disks/" + name + ".raw";
    auto const disk = disk_bytes(name, size_bytes);
    env_.files.set_capacity_bytes(kDiskBytes); // the operator's disk is another one
    TRY(replace_file(env_.files, request.path, disk));
    if (room_bytes_)
        TRY(fill_disk(*room_bytes_));
    return engine().import_image(caller, request);
}

Result<void> World::lose_keys() { return env_.files.rename(kKeyFile, kKeyBackup); }
Result<void> World::put_keys_back() { return env_.files.rename(kKeyBackup, kKeyFile); }

Result<void> World::fill_disk(std::uint64_t room_bytes)
{
    env_.files.set_capacity_bytes(kDiskBytes);
    auto const free = TRY(env_.files.free_bytes("/data"));
    room_bytes_ = room_bytes;
    env_.files.set_capacity_bytes(kDiskBytes - free + room_bytes);
    return {};
}

void World::break_sync(std::string part)
{
    env_.files.set_hook([part = std::move(part)](std::string_view operation,
                                                 std::string const& path) -> Result<void> {
        if (operation == "sync" && path.find(part) != std::string::npos)
            return fail(Fault::io, fmt::format("Cannot sync {}: Input/output error", path));
        return {};
    });
}

void World::fail_after(int syncs)
{
    env_.files.set_hook([count = syncs](std::string_view operation,
                                        std::string const& path) mutable -> Result<void> {
        if (operation == "read")
            return {};
        if (count > 0 && operation.starts_with("sync"))
            --count;
        if (count > 0)
            return {};
        return fail(Fault::io, fmt::format("Cannot {} {}: Input/output error", operation, path));
    });
}

void World::fail_between(Trouble trouble)
{
    env_.files.set_hook([trouble, count = 0](std::string_view operation,
                                             std::string const& path) mutable -> Result<void> {
        bool const frees = operation == "remove" || operation == "truncate";
        if (operation == "read" || (trouble.fault == Fault::full && frees))
            return {};
        auto const now = count++;
        if (now < trouble.first || now - trouble.first >= trouble.length)
            return {};
        return fail(trouble.fault, fmt::format("Cannot {} {}: it fails", operation, path));
    });
}

void World::heal()
{
    room_bytes_.reset();
    env_.files.set_hook({});
    env_.files.set_capacity_bytes(kDiskBytes);
    hypervisor_.set_obedient(true);
}

Result<std::vector<std::string>> World::damage()
{
    auto const report = TRY(store().check([](double) { return true; }));
    auto found = report.damage;
    auto const say = [&](std::string sentence) { found.push_back(std::move(sentence)); };
    TRY(daemon_->catalog->read([&](catalog::View& view) -> Result<void> {
        auto const snapshots = TRY(view.snapshots({}));
        for (auto const& snapshot : snapshots) {
            if (snapshot.state == SnapshotState::completed && !snapshot.content)
                say(snapshot.id.text() + " is completed and has no content");
            if (snapshot.content && !store().view(snapshot.id.text()).ok())
                say(snapshot.id.text() + " has content that is not in the store");
        }
        auto const images = TRY(view.images({}));
        for (auto const& image : images)
            for (auto const& device : image.devices) {
                if (image.state != ImageState::available || !device.snapshot)
                    continue;
                auto const snapshot = TRY(view.snapshot(*device.snapshot));
                if (!snapshot || snapshot->state != SnapshotState::completed)
                    say(image.id.text() + " is available and its snapshot is not completed");
            }
        auto const folders = TRY(daemon_->volumes->list());
        for (auto const& id : folders) {
            auto const volume = TRY(view.volume(id));
            if (!volume || volume->state == VolumeState::deleted)
                say(id.text() + " is deleted and has a folder");
        }
        auto const machines = TRY(hypervisor_.running());
        for (auto const& id : machines) {
            auto const instance = TRY(view.instance(id));
            if (!instance || instance->state == InstanceState::stopped ||
                instance->state == InstanceState::terminated)
                say(id.text() + " runs and should not");
        }
        return {};
    }));
    return found;
}

} // namespace karat::testing
