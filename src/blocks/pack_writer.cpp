// SPDX-License-Identifier: Apache-2.0
#include "pack_writer.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::blocks {
namespace {

constexpr std::size_t kFlushBytes = 1 << 20; // still in the processor's cache when it is written
constexpr std::uint64_t kWritebackBytes = 8 << 20;
/// One part in this many of a pack's size is left free: without room for the catalog's log the task
/// that met the full disk could never be ended.
constexpr std::uint64_t kReservedPart = 32;

} // namespace

PackWriter::PackWriter(Env env, Settings settings, Packs& packs, Health& health)
    : env_(env)
    , settings_(std::move(settings))
    , packs_(packs)
    , health_(health)
{
}

PackWriter::~PackWriter()
{
    bool const durable = !open_dirty_ && buffer_.empty() && !health_.read_only();
    if (open_ && durable && !entries_.empty())
        write_footer({std::move(open_), flushed_, std::move(entries_)});
}

Result<PackWriter::Appended> PackWriter::append(Record const& record, std::atomic<Epoch> const& now,
                                                IfKnown if_known)
{
    auto const sum = checksum(record.stored);
    Writeback writeback;
    {
        std::scoped_lock const guard(mutex_);
        TRY(health_.check_writable());
        bool const known = packs_.touch(record.hash, now);
        if (known && if_known == IfKnown::lean_on_it)
            return Appended::known;
        auto const location = TRY(put(record, sum));
        holds_new_data_ = true;
        if (!known) {
            auto const before = packs_.insert(record.hash, location, now.load());
            unflushed_.push_back({record.hash, before});
        }
        if (buffer_.size() >= kFlushBytes)
            TRY(flush());
        writeback = take_writeback();
    }
    if (writeback.pin)
        writeback.pin.file().start_writeback(writeback.range);
    return Appended::fresh;
}

/// What was written since the last time; nothing while it is little.
PackWriter::Writeback PackWriter::take_writeback()
{
    if (!open_ || flushed_ < writing_back_ + kWritebackBytes)
        return {};
    auto const from = std::exchange(writing_back_, flushed_);
    return {packs_.pin(open_.number()), {from, flushed_ - from}};
}

Result<Location> PackWriter::append_copy(Record const& record)
{
    auto const sum = checksum(record.stored);
    std::scoped_lock const guard(mutex_);
    TRY(health_.check_writable());
    auto const location = TRY(put(record, sum));
    if (buffer_.size() >= kFlushBytes)
        TRY(flush());
    return location;
}

Result<Location> PackWriter::put(Record const& record, std::uint64_t sum)
{
    auto const stored_bytes = static_cast<std::uint32_t>(record.stored.size());
    TRY(make_room(kRecordHeaderBytes + stored_bytes));
    auto const offset = static_cast<std::uint32_t>(end());
    RecordHeader const header{
        .kind = record.kind,
        .codec = record.codec,
        .sealing = record.sealing,
        .raw_bytes = record.raw_bytes,
        .stored_bytes = stored_bytes,
        .hash = record.hash,
        .payload_sum = sum,
    };
    put_record_header(buffer_, header, {open_.number(), offset});
    buffer_.insert(buffer_.end(), record.stored.begin(), record.stored.end());
    entries_.push_back({record.hash, offset, stored_bytes, record.raw_bytes, record.kind});
    auto const blocks = record.kind == Kind::page ? 0 : record.raw_bytes / kBlockBytes;
    return Location{open_.number(), offset, stored_bytes, static_cast<std::uint32_t>(blocks),
                    record.kind};
}

Result<void> PackWriter::make_room(std::uint64_t record_bytes)
{
    if (open_ && (entries_.empty() || end() + record_bytes <= settings_.pack_bytes))
        return {};
    if (open_)
        TRY(leave_current());
    return open_next();
}

Result<void> PackWriter::open_next()
{
    auto const path = pack_path(settings_.directory, settings_.next_number);
    auto file = TRY(env_.files.open(path, Access::create_new));
    auto const number = settings_.next_number++;
    packs_.add(number, std::move(file), 0);
    open_ = packs_.pin(number);
    names_dirty_ = true;
    flushed_ = 0;
    writing_back_ = 0;
    buffer_.reserve(kFlushBytes + kMaxExtentBytes + kRecordHeaderBytes + kSealBytes);
    put_pack_header(buffer_, number);
    return {};
}

Result<void> PackWriter::leave_current()
{
    TRY(flush());
    open_.file().start_writeback({writing_back_, flushed_ - writing_back_});
    full_.push_back({std::move(open_), flushed_, std::exchange(entries_, {})});
    open_ = {};
    flushed_entries_ = 0;
    flushed_ = 0;
    open_dirty_ = false;
    return {};
}

void PackWriter::write_footer(Full const& full)
{
    Bytes footer;
    put_footer(footer, full.pin.number(), full.end, full.entries);
    auto const written = full.pin.file().write_at(full.end, footer);
    if (written.ok())
        packs_.set_file_bytes(full.pin.number(), full.end + footer.size());
    else // a full disk; the next open finds the records by scanning
        log(Level::warn, "pack.no_footer", written.error(), {{"pack", full.pin.number()}});
}

/// New data leaves room for what exists; the collector's copies make room.
Result<void> PackWriter::check_room()
{
    auto const free = env_.files.free_bytes(settings_.directory);
    auto const reserved =
        holds_new_data_ ? kept_free_bytes() : settings_.pack_bytes / kReservedPart;
    if (!free.ok() || free.value() >= buffer_.size() + reserved)
        return {}; // a file system that does not tell says so when it is full
    return fail(Fault::full, fmt::format("Cannot write {}: No space left on device ({} bytes are "
                                         "kept free)",
                                         pack_path(settings_.directory, open_.number()), reserved));
}

std::uint64_t PackWriter::kept_free_bytes() const
{
    return std::max(settings_.pack_bytes / kReservedPart, settings_.keep_free_bytes);
}

bool PackWriter::is_short_of_room() const
{
    auto const free = env_.files.free_bytes(settings_.directory);
    return free.ok() && free.value() < kept_free_bytes() + 2 * settings_.pack_bytes;
}

bool PackWriter::has_room_for(std::uint64_t bytes) const
{
    auto const free = env_.files.free_bytes(settings_.directory);
    return !free.ok() || free.value() >= bytes + settings_.pack_bytes / kReservedPart;
}

Result<void> PackWriter::flush()
{
    if (!open_ || entries_.size() == flushed_entries_)
        return {}; // a lone header waits for its first record: it needs no room on a full disk
    auto written = check_room();
    if (written.ok())
        written = open_.file().write_at(flushed_, buffer_);
    if (!written.ok()) {
        undo_unflushed();
        return written;
    }
    flushed_ += buffer_.size();
    buffer_.clear();
    holds_new_data_ = false;
    unflushed_.clear();
    flushed_entries_ = entries_.size();
    open_dirty_ = true;
    packs_.set_file_bytes(open_.number(), flushed_);
    return {};
}

void PackWriter::undo_unflushed()
{
    packs_.withdraw(unflushed_, open_.number());
    unflushed_.clear();
    buffer_.clear();
    holds_new_data_ = false;
    entries_.resize(flushed_entries_);
    ++failures_;
    if (flushed_ == 0)
        put_pack_header(buffer_, open_.number());
    // Gives a full disk its space back; if it fails, the next write goes to the same place anyway.
    (void)open_.file().truncate(flushed_);
}

void PackWriter::settle()
{
    std::scoped_lock const guard(mutex_);
    auto const written = flush();
    if (!written.ok())
        log(Level::warn, "store.no_room", written.error());
}

Result<void> PackWriter::make_durable()
{
    std::scoped_lock const one_sync(sync_mutex_);
    std::vector<Full> full;
    Packs::Pin open;
    bool names_dirty = false;
    {
        std::scoped_lock const guard(mutex_);
        TRY(health_.check_writable());
        TRY(flush());
        full = std::exchange(full_, {});
        if (open_ && std::exchange(open_dirty_, false))
            open = packs_.pin(open_.number());
        names_dirty = std::exchange(names_dirty_, false);
    }
    // Appends go on meanwhile; what they add is the next caller's to sync.
    for (auto const& pack : full) {
        TRY(health_.after_sync(pack.pin.file().sync_data()));
        write_footer(pack);
    }
    if (open)
        TRY(health_.after_sync(open.file().sync_data()));
    if (names_dirty)
        TRY(health_.after_sync(env_.files.sync_dir(packs_path(settings_.directory))));
    return save_condemned();
}

Result<void> PackWriter::save_condemned()
{
    auto const bytes = packs_.take_condemned_changes();
    if (!bytes)
        return {};
    auto replaced = replace_condemned(*bytes);
    if (replaced.ok() || health_.read_only())
        return replaced;
    // A full disk: without the file nothing is condemned after a restart, which is safe.
    log(Level::warn, "store.condemned_not_saved", replaced.error());
    packs_.condemned_not_saved();
    auto const path = condemned_path(settings_.directory);
    TRY(env_.files.remove(path + std::string(kTemporarySuffix)));
    TRY(env_.files.remove(path));
    return health_.after_sync(env_.files.sync_dir(settings_.directory));
}

Result<void> PackWriter::replace_condemned(Bytes const& bytes)
{
    auto const path = condemned_path(settings_.directory);
    auto const temporary = path + std::string(kTemporarySuffix);
    auto const file = TRY(env_.files.open(temporary, Access::create));
    TRY(file->truncate(0));
    TRY(file->write_at(0, bytes));
    TRY(health_.after_sync(file->sync_data()));
    TRY(env_.files.rename(temporary, path));
    return health_.after_sync(env_.files.sync_dir(settings_.directory));
}

Result<void> PackWriter::rotate()
{
    std::scoped_lock const one_sync(sync_mutex_);
    std::scoped_lock const guard(mutex_);
    TRY(health_.check_writable());
    if (open_ && !entries_.empty())
        TRY(leave_current());
    if (!open_)
        TRY(open_next());
    return health_.after_sync(env_.files.sync_dir(packs_path(settings_.directory)));
}

void PackWriter::forget(std::uint32_t number)
{
    std::vector<Full> forgotten; // closed outside the lock
    std::scoped_lock const guard(mutex_);
    auto const found =
        std::ranges::find_if(full_, [&](Full const& one) { return one.pin.number() == number; });
    if (found == full_.end())
        return;
    forgotten.push_back(std::move(*found));
    full_.erase(found);
}

std::uint32_t PackWriter::open_number() const
{
    std::scoped_lock const guard(mutex_);
    return open_ ? open_.number() : 0;
}

bool PackWriter::holds(std::uint32_t number) const
{
    std::scoped_lock const guard(mutex_);
    return (open_ && open_.number() == number) ||
           std::ranges::any_of(full_, [&](Full const& one) { return one.pin.number() == number; });
}

std::uint64_t PackWriter::failures() const
{
    std::scoped_lock const guard(mutex_);
    return failures_;
}

} // namespace karat::blocks
