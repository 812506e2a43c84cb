// SPDX-License-Identifier: Apache-2.0
// Opening a store: is it one, and what did a crash leave? Everything here may run again after a
// crash in its midst.
#include "store.hpp"

#include <fmt/format.h>

namespace karat::blocks {
namespace {

Result<void> remove_leftovers(Files& files, std::string const& directory)
{
    for (auto const& name : TRY(files.list(directory)))
        if (name.ends_with(kTemporarySuffix))
            TRY(files.remove(fmt::format("{}/{}", directory, name)));
    return {};
}

/// Whether only what our own unfinished making leaves is in the directory.
Result<bool> is_blank(Files& files, std::string const& directory)
{
    for (auto const& name : TRY(files.list(directory))) {
        auto const path = fmt::format("{}/{}", directory, name);
        if (name == "packs" || name == "manifests" || name == "staged") {
            if (!TRY(files.list(path)).empty())
                return false;
        } else if (name != "lock" && name != "store.new") {
            return false;
        }
    }
    return true;
}

Result<void> close_unclosed(Env env, std::string const& directory, PackFile pack, Packs& packs)
{
    auto const scan = TRY(scan_records(pack, kPackHeaderBytes, Depth::payloads));
    auto const size = TRY(pack.file.size_bytes());
    log(Level::info, "pack.recovered",
        {{"pack", pack.number},
         {"records", scan.entries.size()},
         {"bytes", scan.end},
         {"dropped_bytes", size > scan.end ? size - scan.end : 0}});
    auto const closed = close_found_pack(env.files, directory, pack, scan);
    if (!closed.ok()) {
        // A full disk must open all the same. What committed snapshots need was synced; the rest
        // may be in memory only, so nothing new may lean on this pack.
        log(Level::warn, "pack.not_closed", closed.error(), {{"pack", pack.number}});
        packs.distrust(pack.number);
    }
    auto const path = pack_path(directory, pack.number);
    auto file = TRY(env.files.open(path, Access::read));
    auto const file_bytes = TRY(file->size_bytes());
    packs.add(pack.number, std::move(file), file_bytes);
    packs.add_records(pack.number, scan.entries);
    return {};
}

/// Loads one pack; false if it was an empty file and is gone.
Result<bool> load_pack(Env env, std::string const& directory, std::uint32_t number, Packs& packs)
{
    auto const path = pack_path(directory, number);
    auto file = TRY(env.files.open(path, Access::read));
    PackFile const pack{number, *file};
    auto const footer = TRY(read_footer(pack));
    auto const file_bytes = TRY(file->size_bytes());
    if (footer) {
        packs.add(number, std::move(file), file_bytes);
        packs.add_records(number, *footer);
        return true;
    }
    if (file_bytes <= kPackHeaderBytes) {
        file.reset();
        TRY(env.files.remove(path));
        return false;
    }
    TRY(close_unclosed(env, directory, pack, packs));
    return true;
}

} // namespace

Result<void> check_marker(Files& files, std::string const& directory)
{
    auto const text = TRY(read_file(files, store_path(directory), 4096));
    if (as_text(text) == kStoreText || as_text(text) == kSealedStoreText)
        return {};
    if (as_text(text).starts_with("karat block store, format "))
        return fail(Fault::unsupported, fmt::format("{} is a block store of a newer format; use "
                                                    "the Karat that made it, or a newer one",
                                                    directory));
    return fail(Fault::corrupt, fmt::format("{} is not a block store", directory));
}

Result<void> prepare_directory(Files& files, std::string const& directory)
{
    auto const marked = TRY(files.exists(store_path(directory)));
    if (marked)
        return check_marker(files, directory);
    auto const there = TRY(files.exists(directory));
    if (there && !TRY(is_blank(files, directory)))
        return fail(Fault::corrupt,
                    fmt::format("{} is neither empty nor a block store", directory));
    return files.make_dirs(directory);
}

Result<void> finish_directory(Files& files, std::string const& directory)
{
    TRY(files.make_dirs(packs_path(directory)));
    TRY(files.make_dirs(manifests_path(directory)));
    TRY(files.make_dirs(staged_path(directory)));
    if (!TRY(files.exists(store_path(directory))))
        TRY(replace_file(files, store_path(directory), as_bytes(kStoreText)));
    TRY(remove_leftovers(files, packs_path(directory)));
    TRY(remove_leftovers(files, staged_path(directory)));
    return remove_leftovers(files, manifests_path(directory));
}

Result<void> load_condemned(Files& files, std::string const& directory, Packs& packs)
{
    auto const bytes = read_file(files, condemned_path(directory), kMaxCondemnedBytes);
    if (!bytes.ok() && bytes.error().fault == Fault::not_found)
        return {};
    auto condemned =
        bytes.ok() ? Condemned::decode(bytes.value()) : Result<Condemned>(bytes.error());
    if (!condemned.ok()) { // no reason to stay closed: what was condemned lives longer
        log(Level::warn, "store.condemned_unreadable", condemned.error());
        return {};
    }
    packs.set_condemned(std::move(condemned).value());
    return {};
}

Result<std::uint32_t> load_packs(Env env, std::string const& directory, Packs& packs)
{
    std::uint32_t next = 1;
    for (auto const& name : TRY(env.files.list(packs_path(directory)))) {
        auto const number = parse_pack_name(name);
        if (!number || *number == 0 || *number == 0xffffffffU)
            continue; // not ours; left alone
        auto const kept = TRY(load_pack(env, directory, *number, packs));
        // An empty pack's number stays in use: a reader may have seen higher ones go.
        next = kept ? *number + 1 : *number;
    }
    return next;
}

} // namespace karat::blocks
