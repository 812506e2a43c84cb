// SPDX-License-Identifier: Apache-2.0
// What the store does for sealed snapshots beside sealing them.
#include "store.hpp"

#include <fmt/format.h>

namespace karat::blocks {

Result<Sealed> PackStore::sealed_for(Facts const& facts, SnapshotView const* base)
{
    if (base != nullptr && base->facts().key != facts.key)
        return fail(Fault::invalid, fmt::format("'{}' cannot share with its base '{}': they are "
                                                "not encrypted with the same key",
                                                facts.name, base->facts().name));
    if (facts.key.empty())
        return Sealed();
    if (base != nullptr)
        return Sealed{base->manifest().seal, base->domain()};
    auto const seal = TRY(vault_.seal_for(facts.key, [this] { return note_seals(); }));
    auto domain = TRY(vault_.unlock(seal));
    TRY(mark_sealed());
    return Sealed{seal, std::move(domain)};
}

Result<void> PackStore::mark_sealed()
{
    std::scoped_lock const guard(marker_mutex_);
    auto const path = store_path(directory_);
    auto const text = TRY(read_file(env_.files, path, 4096));
    if (as_text(text) == kSealedStoreText)
        return {};
    auto const temporary = path + std::string(kTemporarySuffix);
    auto const file = TRY(env_.files.open(temporary, Access::create));
    TRY(file->truncate(0));
    TRY(file->write_at(0, as_bytes(kSealedStoreText)));
    TRY(health_.after_sync(file->sync_data()));
    TRY(env_.files.rename(temporary, path));
    return health_.after_sync(env_.files.sync_dir(directory_));
}

Result<void> PackStore::note_seals()
{
    for (auto const& name : TRY(names())) {
        auto const manifest = read_manifest(env_.files, directory_, name);
        if (manifest.ok() && manifest.value().seal) // one that is damaged only costs its sharing
            vault_.note(*manifest.value().seal);
    }
    staging_->note_seals();
    return {};
}

std::vector<Vault::Held> PackStore::unlock_all(std::vector<std::string>& locked)
{
    std::vector<Vault::Held> held;
    auto const all = names();
    if (!all.ok())
        return held; // what follows fails on that, too
    std::set<Bytes> seen;
    for (auto const& name : all.value()) {
        auto const manifest = read_manifest(env_.files, directory_, name);
        if (!manifest.ok() || !manifest.value().seal ||
            !seen.insert(manifest.value().seal->wrapped).second)
            continue;
        auto domain = unlock(vault_, manifest.value());
        if (domain.ok())
            held.push_back(std::move(domain).value());
        else
            locked.push_back(domain.error().message);
    }
    return held;
}

Result<Description> PackStore::describe(std::string const& name)
{
    auto const manifest = TRY(read_manifest(env_.files, directory_, name));
    return Description{manifest.facts, root_of(manifest), manifest.data_bytes};
}

} // namespace karat::blocks
