// SPDX-License-Identifier: Apache-2.0
#include "store.hpp"

#include <fmt/format.h>

namespace karat::blocks {

Result<std::unique_ptr<Store>> Store::open(Env env, std::string directory, Options options)
{
    return PackStore::open(env, std::move(directory), options);
}

PackStore::PackStore(Env env, std::string directory, Options options)
    : Source(options.cache_bytes)
    , env_(env)
    , directory_(std::move(directory))
    , options_(options)
    , alarm_(env.files, directory_)
    , vault_(options.keys, env.chance)
    , packs_(env.chance, directory_, benches_, vault_)
    , workers_(options.threads)
{
}

Result<std::unique_ptr<Store>> PackStore::open(Env env, std::string directory, Options options)
{
    if (options.pack_bytes < kPackHeaderBytes || options.pack_bytes > kMaxPackBytes / 2)
        return fail(Fault::invalid, fmt::format("A pack cannot have {} bytes", options.pack_bytes));
    auto store = std::make_unique<PackStore>(env, std::move(directory), options);
    TRY(store->start());
    return std::unique_ptr<Store>(std::move(store));
}

Result<void> PackStore::start()
{
    TRY(prepare_directory(env_.files, directory_));
    lock_ = TRY(env_.files.lock(lock_path(directory_)));
    TRY(finish_directory(env_.files, directory_));
    auto const next_number = TRY(load_packs(env_, directory_, packs_));
    TRY(load_condemned(env_.files, directory_, packs_));
    PackWriter::Settings const settings{directory_, options_.pack_bytes, next_number,
                                        options_.keep_free_bytes};
    writer_.emplace(env_, settings, packs_, health_);
    staging_.emplace(StagingTools{
        .env = env_,
        .directory = directory_,
        .benches = benches_,
        .packs = packs_,
        .writer = *writer_,
        .health = health_,
        .registry = registry_,
        .source = *this,
        .vault = vault_,
        .seal_for = [this](Facts const& facts,
                           SnapshotView const* base) { return sealed_for(facts, base); },
        .open_base = [this](std::string const& name) { return open_view(name); },
        .begin =
            [this](Facts facts, std::shared_ptr<SnapshotView const> base) {
                return begin_over(std::move(facts), std::move(base));
            },
    });
    return staging_->load();
}

Result<void> PackStore::check_free_name(std::string const& name)
{
    auto const taken = TRY(env_.files.exists(manifest_path(directory_, name)));
    if (taken)
        return fail(Fault::duplicate, fmt::format("The snapshot '{}' exists", name));
    return {};
}

Result<std::unique_ptr<Ingest>> PackStore::begin(Facts facts,
                                                 std::optional<std::string> base) noexcept
{
    TRY(check_facts(facts));
    TRY(health_.check_writable());
    std::shared_ptr<SnapshotView const> base_view;
    if (base)
        base_view = TRY(open_view(*base));
    if (base_view && base_view->facts().size_bytes > facts.size_bytes)
        return fail(Fault::invalid,
                    fmt::format("'{}' with {} bytes cannot hold its base '{}' with {}", facts.name,
                                facts.size_bytes, *base, base_view->facts().size_bytes));
    auto ingest = TRY(begin_over(std::move(facts), std::move(base_view)));
    return std::unique_ptr<Ingest>(std::move(ingest));
}

Result<std::unique_ptr<SnapshotIngest>>
PackStore::begin_over(Facts facts, std::shared_ptr<SnapshotView const> base_view)
{
    auto sealed = TRY(sealed_for(facts, base_view.get()));
    TRY(registry_.begin_ingest(facts.name));
    // Asked only now: of two that begin at once, the slower finds what the faster made.
    auto const is_free = check_free_name(facts.name);
    if (!is_free.ok()) {
        registry_.end_ingest(facts.name);
        return is_free.error();
    }
    IngestTools const tools{env_,     directory_, benches_, packs_,
                            *writer_, workers_,   health_,  registry_};
    Manifest manifest{.facts = std::move(facts), .seal = std::move(sealed.seal)};
    return std::make_unique<SnapshotIngest>(tools, std::move(manifest), std::move(base_view),
                                            std::move(sealed.domain));
}

Result<std::shared_ptr<SnapshotView const>> PackStore::open_view(std::string const& name)
{
    for (;;) {
        auto const collections = registry_.collections();
        auto manifest = TRY(read_manifest(env_.files, directory_, name));
        auto domain = TRY(unlock(vault_, manifest));
        auto view =
            std::make_shared<SnapshotView const>(*this, std::move(manifest), std::move(domain));
        auto const opened = registry_.open_view(*view, collections);
        if (opened.ok())
            return view;
        if (opened.error().fault != Fault::unavailable)
            return opened.error();
        // A collection began since the manifest was read, and may have taken it: look again.
    }
}

Result<std::shared_ptr<View const>> PackStore::view(std::string const& name)
{
    auto view = TRY(open_view(name));
    return std::shared_ptr<View const>(std::move(view));
}

Result<void> PackStore::remove(std::string const& name) noexcept
{
    if (!good_name(name))
        return {}; // nothing is called so
    TRY(health_.check_writable());
    registry_.removed(name); // before: a view of it is open by now, or refused
    TRY(env_.files.remove(manifest_path(directory_, name)));
    return health_.after_sync(env_.files.sync_dir(manifests_path(directory_)));
}

Result<std::vector<std::string>> PackStore::names()
{
    return list_manifests(env_.files, directory_);
}

Result<Stats> PackStore::stats()
{
    Stats stats;
    auto const snapshots = TRY(names());
    stats.snapshots = snapshots.size();
    stats.extents = packs_.count();
    stats.plain_bytes = packs_.plain_bytes();
    for (auto const& pack : packs_.sizes()) {
        ++stats.packs;
        stats.pack_bytes += pack.file_bytes;
    }
    stats.condemned_records = packs_.condemned_count();
    stats.alarms = alarm_.count();
    stats.halted = alarm_.raised();
    stats.read_only = health_.read_only();
    if (auto const free = env_.files.free_bytes(directory_); free.ok())
        stats.free_bytes = free.value();
    stats.kept_free_bytes = writer_->kept_free_bytes();
    return stats;
}

bool PackStore::is_short_of_room()
{
    auto const free = env_.files.free_bytes(directory_);
    return free.ok() && free.value() < writer_->kept_free_bytes();
}

Result<Buffer> PackStore::fetch(Wanted const& wanted, std::span<std::byte> direct)
{
    if (packs_.pardon(wanted.hash))
        alarm_.raise(
            fmt::format("A snapshot read a record that was condemned: {}", wanted.hash.text()));
    auto fetched = packs_.fetch(wanted, direct);
    if (!fetched.ok() && fetched.error().fault == Fault::not_found)
        return fail(Fault::corrupt, fetched.error().message);
    return fetched;
}

void PackStore::closed(SnapshotView const& view) { registry_.close_view(view); }

} // namespace karat::blocks
