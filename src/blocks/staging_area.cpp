// SPDX-License-Identifier: Apache-2.0
// The files of staged snapshots: making, opening, marking and dropping them.
#include "staging.hpp"

#include "bytes.hpp"

#include <fmt/format.h>

namespace karat::blocks {
namespace {

constexpr std::size_t kStagingWindowBytes = 1 << 20;

} // namespace

StagedFile::StagedFile(StagingTools const& tools, Manifest start, std::unique_ptr<File> file,
                       std::uint64_t head_bytes)
    : tools_(tools)
    , start_(std::move(start))
    , file_(std::move(file))
    , head_bytes_(head_bytes)
    , synced_(head_bytes)
    , end_(head_bytes)
{
}

Result<std::shared_ptr<StagedFile>> StagedFile::create(StagingTools const& tools, Manifest start)
{
    auto& files = tools.env.files;
    auto const path = staged_path(tools.directory, start.facts.name);
    auto const temporary = path + std::string(kTemporarySuffix);
    auto const head = encode_staged_head(start);
    auto file = TRY(files.open(temporary, Access::create));
    TRY(file->truncate(0));
    TRY(file->write_at(0, head));
    TRY(tools.health.after_sync(file->sync_data()));
    TRY(files.rename(temporary, path));
    TRY(tools.health.after_sync(files.sync_dir(staged_path(tools.directory))));
    return std::make_shared<StagedFile>(tools, std::move(start), std::move(file), head.size());
}

Result<std::shared_ptr<StagedFile>> StagedFile::open(StagingTools const& tools,
                                                     std::string const& name)
{
    auto file = TRY(tools.env.files.open(staged_path(tools.directory, name), Access::write));
    Bytes first(kStagedHeadBytes);
    TRY(read_exactly(*file, 0, first));
    auto const head_bytes = TRY(staged_head_bytes(first));
    Bytes head(head_bytes);
    TRY(read_exactly(*file, 0, head));
    auto start = TRY(decode_staged_head(head));
    if (start.facts.name != name)
        return fail(Fault::corrupt,
                    fmt::format("The staged file belongs to snapshot '{}'", start.facts.name));
    auto made = std::make_shared<StagedFile>(tools, std::move(start), std::move(file), head_bytes);
    TRY(made->load());
    return made;
}

/// Reads all records of the file. `good_end` gets the end of the last one.
Result<void> StagedFile::scan(EachStaged const& each, std::uint64_t& good_end)
{
    auto const size = TRY(file_->size_bytes());
    Bytes window;
    good_end = head_bytes_;
    for (auto at = head_bytes_; at < size;) {
        window.resize(std::min<std::uint64_t>(kStagingWindowBytes, size - at));
        TRY(read_exactly(*file_, at, window));
        StagedWindow const view{window, at, at + window.size() == size};
        at += scan_staged(
            view, [&](StagedRecord const& record, std::uint64_t offset, std::size_t bytes) {
                if (offset != good_end)
                    log(Level::error, "staged.damaged",
                        {{"snapshot", start_.facts.name}, {"from", good_end}, {"to", offset}});
                good_end = offset + bytes;
                each(record, offset, bytes);
            });
    }
    return {};
}

Result<void> StagedFile::load()
{
    auto const units = size_bytes() / kStagedUnitBytes;
    std::uint64_t good_end = 0;
    TRY(scan(
        [&](StagedRecord const& record, std::uint64_t offset, std::size_t bytes) {
            if (record.index < units)
                note(record, {offset, static_cast<std::uint32_t>(bytes)});
        },
        good_end));
    // What is read here may be in memory only: a sync was not reached, or failed and left pages
    // that pass for clean. From now on it counts, so it is written anew, without the torn tail.
    if (good_end > head_bytes_)
        TRY(rewrite(good_end));
    else
        TRY(file_->truncate(good_end));
    end_ = good_end;
    synced_ = good_end;
    return {};
}

Result<void> StagedFile::rewrite(std::uint64_t size)
{
    auto& files = tools_.env.files;
    auto const path = staged_path(tools_.directory, start_.facts.name);
    auto const temporary = path + std::string(kTemporarySuffix);
    auto fresh = TRY(files.open(temporary, Access::create));
    TRY(fresh->truncate(0));
    Bytes window;
    for (std::uint64_t at = 0; at < size; at += window.size()) {
        window.resize(std::min<std::uint64_t>(kStagingWindowBytes, size - at));
        TRY(read_exactly(*file_, at, window));
        TRY(fresh->write_at(at, window));
    }
    TRY(tools_.health.after_sync(fresh->sync_data()));
    TRY(files.rename(temporary, path));
    TRY(tools_.health.after_sync(files.sync_dir(staged_path(tools_.directory))));
    file_ = std::move(fresh);
    return {};
}

Result<void> StagedFile::mark(StagedMarks const& marks)
{
    // Damage is this snapshot's own: its commit will fail, and others need not suffer. A read that
    // failed may succeed later, so what it would have marked must not be taken for garbage.
    auto const pass_over_damage = [&](Result<void> marked) -> Result<void> {
        if (marked.ok() || marked.error().fault != Fault::corrupt)
            return marked;
        log(Level::error, "staged.damaged", marked.error(), {{"snapshot", start_.facts.name}});
        return {};
    };
    TRY(pass_over_damage(marks.pages(start_.pages)));
    for (auto const spot : spots()) {
        auto const record = read(spot);
        TRY(pass_over_damage(record.ok() ? marks.slices(record.value().slices)
                                         : Result<void>(record.error())));
    }
    return {};
}

Result<void> StagingArea::load()
{
    for (auto const& name : TRY(tools_.env.files.list(staged_path(tools_.directory)))) {
        if (!good_name(name))
            continue;
        auto opened = StagedFile::open(tools_, name);
        if (opened.ok())
            files_.emplace(name, std::move(opened).value());
        else if (opened.error().fault == Fault::corrupt)
            log(Level::error, "staged.unreadable", opened.error(), {{"snapshot", name}});
        else
            return opened.error();
    }
    return {};
}

std::vector<std::shared_ptr<StagedFile>> StagingArea::all()
{
    std::scoped_lock const guard(mutex_);
    std::vector<std::shared_ptr<StagedFile>> found;
    for (auto const& [name, file] : files_)
        found.push_back(file);
    return found;
}

Result<void> StagingArea::begin(Facts facts, std::optional<std::string> base) noexcept
{
    TRY(check_facts(facts));
    TRY(tools_.health.check_writable());
    std::scoped_lock const one(begin_mutex_);
    auto const& name = facts.name;
    auto const path = staged_path(tools_.directory, name);
    bool const staged = TRY(tools_.env.files.exists(path));
    bool const made = TRY(tools_.env.files.exists(manifest_path(tools_.directory, name)));
    if (staged || made)
        return fail(Fault::duplicate, fmt::format("The snapshot '{}' exists", name));
    Manifest start{.facts = facts};
    std::shared_ptr<SnapshotView const> view; // keeps the base's pages until the new one does
    if (base) {
        view = TRY(tools_.open_base(*base));
        start.data_bytes = view->manifest().data_bytes;
        start.pages = view->manifest().pages;
        if (view->facts().size_bytes > facts.size_bytes)
            return fail(Fault::invalid, fmt::format("'{}' with {} bytes cannot hold its base '{}'",
                                                    name, facts.size_bytes, *base));
    }
    auto const sealed = TRY(tools_.seal_for(facts, view.get()));
    start.seal = sealed.seal;
    if (sealed.domain)
        start.seal->mac = sealed.domain->mac(words_to_prove(start));
    auto file = TRY(StagedFile::create(tools_, std::move(start)));
    std::scoped_lock const guard(mutex_);
    files_.emplace(name, std::move(file));
    return {};
}

Result<std::shared_ptr<Staged>> StagingArea::find(std::string const& name)
{
    std::scoped_lock const guard(mutex_);
    auto const found = files_.find(name);
    if (found == files_.end())
        return fail(Fault::not_found, fmt::format("The snapshot '{}' is not staged", name));
    return std::shared_ptr<Staged>(found->second);
}

Result<void> StagingArea::drop(std::string const& name) noexcept
{
    std::scoped_lock const one(begin_mutex_);
    std::shared_ptr<StagedFile> file;
    {
        std::scoped_lock const guard(mutex_);
        auto const found = files_.find(name);
        if (found == files_.end())
            return {};
        file = found->second;
    }
    TRY(tools_.health.check_writable());
    file->close();
    TRY(tools_.env.files.remove(staged_path(tools_.directory, name)));
    {
        std::scoped_lock const guard(mutex_);
        files_.erase(name);
    }
    return tools_.health.after_sync(tools_.env.files.sync_dir(staged_path(tools_.directory)));
}

std::vector<std::string> StagingArea::names()
{
    std::scoped_lock const guard(mutex_);
    std::vector<std::string> found;
    for (auto const& [name, file] : files_)
        found.push_back(name);
    return found;
}

void StagingArea::note_seals()
{
    for (auto const& file : all())
        if (file->seal_of())
            tools_.vault.note(*file->seal_of());
}

Result<void> StagingArea::mark(StagedMarks const& marks)
{
    for (auto const& file : all())
        TRY(file->mark(marks));
    return {};
}

} // namespace karat::blocks
