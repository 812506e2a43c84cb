// SPDX-License-Identifier: Apache-2.0
// Reads a store that another process writes. Its index follows the directory: it looks again when
// a snapshot is opened and when a record is not where it was.
//
// A pack that went away stays open, and its records findable, while a view of a snapshot that is
// itself gone may need it. For a snapshot that still has its manifest the collector made copies
// before it dropped the pack, and they are indexed before the pack is forgotten.
#include "alarm.hpp"
#include "pack_scan.hpp"
#include "packs.hpp"
#include "store.hpp"
#include "view.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace karat::blocks {
namespace {

constexpr std::size_t kMostLookedFor = 1000;

class PackReader final : public Reader, public Source {
public:
    PackReader(Env env, std::string directory, Options options)
        : Source(options.cache_bytes)
        , env_(env)
        , directory_(std::move(directory))
        , alarm_(env.files, directory_)
        , vault_(options.keys, env.chance)
        , packs_(env.chance, directory_, benches_, vault_)
    {
    }

    Result<std::shared_ptr<View const>> view(std::string const& name) override;
    Result<std::vector<std::string>> names() override;
    Result<Buffer> fetch(Wanted const& wanted, std::span<std::byte> direct) override;
    void closed(SnapshotView const& view) override;
    Result<void> refresh();

private:
    struct Seen {
        bool closed = false;
        std::uint64_t scanned = kPackHeaderBytes;
    };
    Result<std::set<std::uint32_t>> list();
    Result<void> load(std::uint32_t number);
    Result<bool> orphans_alive();
    Result<void> load_condemned_changes();
    Result<void> watch(Hash const& hash);
    Result<Buffer> fetch_moved(Wanted const& wanted, std::span<std::byte> direct,
                               Result<Buffer> damaged);

    Env env_;
    std::string const directory_;
    Alarm alarm_;
    Benches benches_;
    Vault vault_;
    Packs packs_;
    std::mutex refresh_mutex_; // guards seen_ and looked_for_; one refresh at a time
    std::map<std::uint32_t, Seen> seen_;
    std::set<Hash> looked_for_; // records that were not good where we knew them, nor elsewhere
    std::mutex views_mutex_;
    std::set<SnapshotView const*> views_;
};

Result<std::set<std::uint32_t>> PackReader::list()
{
    std::set<std::uint32_t> numbers;
    for (auto const& name : TRY(env_.files.list(packs_path(directory_))))
        if (auto const number = parse_pack_name(name); number && *number != 0)
            numbers.insert(*number);
    return numbers;
}

Result<void> PackReader::load(std::uint32_t number)
{
    auto& seen = seen_[number];
    if (seen.closed)
        return {};
    // Opened anew each time: recovery replaces the file of an unclosed pack.
    auto opened = env_.files.open(pack_path(directory_, number), Access::read);
    if (!opened.ok())
        return opened.error().fault == Fault::not_found ? Result<void>() : opened.take_error();
    auto file = std::move(opened).value();
    PackFile const pack{number, *file};
    auto footer = TRY(read_footer(pack));
    Scan scan;
    if (!footer)
        scan = TRY(scan_records(pack, seen.scanned, Depth::headers));
    auto const file_bytes = TRY(file->size_bytes());
    packs_.add(number, std::move(file), file_bytes);
    packs_.add_records(number, footer ? *footer : scan.entries);
    seen.closed = footer.has_value();
    seen.scanned = std::max(seen.scanned, scan.end);
    return {};
}

Result<void> PackReader::load_condemned_changes()
{
    auto const opened = env_.files.open(condemned_path(directory_), Access::read);
    if (!opened.ok()) {
        packs_.pardon_all();
        return opened.error().fault == Fault::not_found ? Result<void>() : opened.error();
    }
    std::array<std::byte, kCondemnedHeadBytes> head{};
    auto const got = TRY(opened.value()->read_at(0, head));
    auto const edition = Condemned::edition_of(std::span(head).first(got));
    return edition == packs_.condemned_edition() ? Result<void>()
                                                 : load_condemned(env_.files, directory_, packs_);
}

/// Raises the alarm when the record is condemned and only snapshots that exist can have asked.
Result<void> PackReader::watch(Hash const& hash)
{
    if (!packs_.is_condemned(hash))
        return {};
    std::scoped_lock const guard(refresh_mutex_);
    TRY(load_condemned_changes());
    if (!packs_.is_condemned(hash) || TRY(orphans_alive()))
        return {};
    packs_.pardon(hash); // one alarm a record
    alarm_.raise(fmt::format("A snapshot read a record that was condemned: {}", hash.text()));
    return {};
}

/// Whether a view is open whose snapshot is gone.
Result<bool> PackReader::orphans_alive()
{
    std::scoped_lock const guard(views_mutex_);
    for (auto const* const view : views_)
        if (!TRY(env_.files.exists(manifest_path(directory_, view->facts().name))))
            return true;
    return false;
}

Result<void> PackReader::refresh()
{
    std::scoped_lock const guard(refresh_mutex_);
    // A pack missing from the first list was dropped after its copies were written, so the
    // second list, begun later, has them.
    auto const first = TRY(list());
    auto const second = TRY(list());
    for (auto const number : second)
        TRY(load(number));
    std::vector<std::uint32_t> gone;
    for (auto const& [number, seen] : seen_)
        if (!first.contains(number) && !second.contains(number))
            gone.push_back(number);
    if (gone.empty() || TRY(orphans_alive()))
        return load_condemned_changes();
    for (auto const number : gone) {
        packs_.forget(number);
        seen_.erase(number);
        // Records known from a gone pack hid their copies; list those now.
        for (auto& [other, seen] : seen_)
            seen = {};
    }
    for (auto const number : second)
        TRY(load(number));
    return load_condemned_changes();
}

Result<std::shared_ptr<View const>> PackReader::view(std::string const& name)
{
    auto manifest = TRY(read_manifest(env_.files, directory_, name));
    auto domain = TRY(unlock(vault_, manifest));
    auto view = std::make_shared<SnapshotView const>(*this, std::move(manifest), std::move(domain));
    {
        std::scoped_lock const guard(views_mutex_);
        views_.insert(view.get());
    }
    TRY(refresh());
    return std::shared_ptr<View const>(std::move(view));
}

Result<std::vector<std::string>> PackReader::names()
{
    return list_manifests(env_.files, directory_);
}

Result<Buffer> PackReader::fetch(Wanted const& wanted, std::span<std::byte> direct)
{
    TRY(watch(wanted.hash));
    auto fetched = packs_.fetch(wanted, direct);
    if (fetched.ok())
        return fetched;
    if (fetched.error().fault == Fault::corrupt)
        return fetch_moved(wanted, direct, std::move(fetched));
    if (fetched.error().fault != Fault::not_found)
        return fetched;
    TRY(refresh());
    fetched = packs_.fetch(wanted, direct);
    if (!fetched.ok() && fetched.error().fault == Fault::not_found)
        return fail(Fault::corrupt, fetched.error().message);
    return fetched;
}

/// What was freed where we know it (FORMAT.md, "Holes") may have been stored again elsewhere. Looks
/// once for each record that cannot be read, as it reads every footer.
Result<Buffer> PackReader::fetch_moved(Wanted const& wanted, std::span<std::byte> direct,
                                       Result<Buffer> damaged)
{
    {
        std::scoped_lock const guard(refresh_mutex_);
        bool const looked_before = !looked_for_.insert(wanted.hash).second;
        auto const known = packs_.find(wanted.hash);
        if (looked_before || !known || looked_for_.size() > kMostLookedFor)
            return damaged;
        packs_.forget(known->pack);
        for (auto& [number, seen] : seen_)
            seen = {};
    }
    TRY(refresh());
    auto fetched = packs_.fetch(wanted, direct);
    if (!fetched.ok())
        return damaged;
    std::scoped_lock const guard(refresh_mutex_);
    looked_for_.erase(wanted.hash);
    return fetched;
}

void PackReader::closed(SnapshotView const& view)
{
    std::scoped_lock const guard(views_mutex_);
    views_.erase(&view);
}

} // namespace

Result<std::unique_ptr<Reader>> Reader::open(Env env, std::string directory, Options options)
{
    TRY(check_marker(env.files, directory));
    auto reader = std::make_unique<PackReader>(env, std::move(directory), options);
    TRY(reader->refresh());
    return std::unique_ptr<Reader>(std::move(reader));
}

} // namespace karat::blocks
