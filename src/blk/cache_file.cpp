// SPDX-License-Identifier: Apache-2.0
#include "cache_file.hpp"

#include "karat/log.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::blk {
namespace {

constexpr std::uint64_t kPageSpanBytes = 512 << 20;
constexpr std::uint64_t kCheckFreeEvery = 16 << 20;
constexpr int kMaxLooks = 4096;               // of one step of hydration
constexpr std::size_t kLeastTracePieces = 32; // of a boot
constexpr std::chrono::nanoseconds kTryAgain = std::chrono::minutes(1);

/// Opens a file for reading and writing; nothing if it is absent.
Result<std::unique_ptr<File>> open_if_there(Files& files, std::string const& path)
{
    auto opened = files.open(path, Access::write);
    if (!opened.ok() && opened.error().fault == Fault::not_found)
        return std::unique_ptr<File>();
    return opened;
}

} // namespace

class CacheFile::Turn {
public:
    Turn(CacheFile& file, std::uint64_t offset)
        : file_(file)
        , offset_(offset)
    {
        std::unique_lock guard(file_.turns_mutex_);
        file_.turn_ended_.wait(guard, [&] { return !file_.turns_.contains(offset_); });
        file_.turns_.insert(offset_);
    }
    Turn(Turn const&) = delete;
    Turn& operator=(Turn const&) = delete;
    ~Turn()
    {
        {
            std::scoped_lock const guard(file_.turns_mutex_);
            file_.turns_.erase(offset_);
        }
        file_.turn_ended_.notify_all();
    }

private:
    CacheFile& file_;
    std::uint64_t const offset_;
};

CacheFile::CacheFile(Env env, CachePlace place, SharedView view)
    : env_(env)
    , place_(std::move(place))
    , view_(std::move(view))
    , map_(view_->facts().size_bytes)
{
}

Result<std::shared_ptr<CacheFile>> CacheFile::open(Env env, CachePlace place, SharedView view)
{
    auto file = std::make_shared<CacheFile>(env, std::move(place), std::move(view));
    auto const& facts = file->view_->facts();
    Header const wanted{.root = file->view_->root(),
                        .size_bytes = facts.size_bytes,
                        .full_bytes = file->view_->full_size_bytes(),
                        .boot = file->place_.boot};
    bool const whole = TRY(file->take_up_whole(wanted));
    bool const part = whole ? false : TRY(file->take_up_part(wanted));
    if (!whole && !part)
        TRY(file->begin(wanted));
    return file;
}

Result<bool> CacheFile::take_up_whole(Header const& wanted)
{
    auto file = TRY(open_if_there(env_.files, place_.path(name(), kWholeSuffix)));
    auto journal = TRY(open_if_there(env_.files, place_.path(name(), kFilledSuffix)));
    if (!file || !journal)
        return false;
    auto header = TRY(read_header(*journal));
    auto const size_bytes = TRY(file->size_bytes());
    if (!header || size_bytes != wanted.size_bytes)
        return false;
    header->boot = wanted.boot; // it was synced
    if (*header != wanted)
        return false;
    file_ = std::move(file);
    filled_bytes_ = wanted.full_bytes;
    tracing_ = false;
    whole_ = true;
    return true;
}

Result<bool> CacheFile::take_up_part(Header const& wanted)
{
    auto file = TRY(open_if_there(env_.files, place_.path(name(), kPartSuffix)));
    auto journal = TRY(open_if_there(env_.files, place_.path(name(), kFilledSuffix)));
    if (!file || !journal)
        return false;
    auto const header = TRY(read_header(*journal));
    auto const size_bytes = TRY(file->size_bytes());
    if (!header || *header != wanted || size_bytes != wanted.size_bytes)
        return false;
    file_ = std::move(file);
    journal_ = std::move(journal);
    TRY(load_records(wanted));
    began_cold_ = filled_bytes_ == 0;
    tracing_ = began_cold_;
    return true;
}

Result<void> CacheFile::load_records(Header const& header)
{
    constexpr std::size_t kAtATime = 2048;
    Bytes bytes(kAtATime * kRecordBytes);
    while (true) {
        auto const got = TRY(journal_->read_at(kHeaderBytes + records_ * kRecordBytes, bytes));
        for (std::size_t at = 0; at + kRecordBytes <= got; at += kRecordBytes) {
            auto const one = std::span(bytes).subspan(at, kRecordBytes);
            auto const record = decode_record(one, records_, header);
            if (!record || record->total_bytes != filled_bytes_ + record->range.length_bytes)
                return {};
            map_.add(record->range);
            filled_bytes_ = record->total_bytes;
            ++records_;
        }
        if (got < bytes.size())
            return {};
    }
}

Result<void> CacheFile::begin(Header const& wanted)
{
    for (auto const suffix : {kWholeSuffix, kPartSuffix, kFilledSuffix})
        TRY(env_.files.remove(place_.path(name(), suffix)));
    auto file = TRY(env_.files.open(place_.path(name(), kPartSuffix), Access::create_new));
    TRY(file->truncate(wanted.size_bytes));
    auto journal = TRY(env_.files.open(place_.path(name(), kFilledSuffix), Access::create_new));
    TRY(journal->write_at(0, encode_header(wanted)));
    file_ = std::move(file);
    journal_ = std::move(journal);
    began_cold_ = true;
    return {};
}

bool CacheFile::keeps() const
{
    return !broken_ && keep_again_.load() <= env_.clock.steady().count();
}

std::uint64_t CacheFile::filled_bytes()
{
    std::scoped_lock const guard(journal_mutex_);
    return filled_bytes_;
}

Result<void> CacheFile::read(std::uint64_t offset_bytes, std::span<std::byte> into)
{
    bool const here = whole() || map_.covers({offset_bytes, into.size()});
    if (here && read_file(offset_bytes, into))
        return {};
    return read_slowly(offset_bytes, into, Asker::guest);
}

/// False when the file could not be read: then it is not asked again.
bool CacheFile::read_file(std::uint64_t offset_bytes, std::span<std::byte> into)
{
    if (broken_)
        return false;
    auto const got = file_->read_at(offset_bytes, into);
    if (got.ok() && got.value() == into.size())
        return !broken_; // given up meanwhile, it may have read as zeroes
    auto const error = got.ok() ? fail(Fault::corrupt, "The file is too short") : got.error();
    if (!broken_.exchange(true))
        log(Level::warn, "cache.unreadable", error, {{"snapshot", name()}});
    return false;
}

Result<void> CacheFile::read_slowly(std::uint64_t offset_bytes, std::span<std::byte> into,
                                    Asker asker)
{
    if (!keeps())
        return view_->read(offset_bytes, into);
    while (!into.empty()) {
        auto const piece = TRY(view_->piece_at(offset_bytes));
        auto const length =
            std::min<std::uint64_t>(piece.range.end_bytes() - offset_bytes, into.size());
        TRY(fill(piece, offset_bytes, into.first(length), asker));
        offset_bytes += length;
        into = into.subspan(length);
    }
    return {};
}

Result<std::uint64_t> CacheFile::fill_at(std::uint64_t offset_bytes, Asker asker)
{
    auto const piece = TRY(view_->piece_at(offset_bytes));
    if (!map_.covers(piece.range))
        TRY(fill(piece, offset_bytes, {}, asker));
    return piece.range.end_bytes();
}

/// Gives the caller its part of a piece, and keeps all of it.
Result<void> CacheFile::fill(blocks::Piece const& piece, std::uint64_t offset_bytes,
                             std::span<std::byte> into, Asker asker)
{
    auto const& range = piece.range;
    if (!piece.is_data) {
        std::ranges::fill(into, std::byte{0});
        if (range.length_bytes < kPageSpanBytes) // the map has no room for endless emptiness
            map_.add(range);
        return {};
    }
    Turn const turn(*this, range.offset_bytes);
    if (map_.covers(range) && read_file(offset_bytes, into))
        return {};
    auto const buffer = std::make_unique_for_overwrite<std::byte[]>(range.length_bytes);
    std::span<std::byte> const bytes(buffer.get(), range.length_bytes);
    TRY(view_->read(range.offset_bytes, bytes));
    auto const part = bytes.subspan(offset_bytes - range.offset_bytes, into.size());
    std::ranges::copy(part, into.data());
    record_miss(range.offset_bytes, asker);
    keep(range, bytes);
    return {};
}

void CacheFile::keep(Range range, std::span<std::byte const> bytes)
{
    if (!keeps())
        return;
    auto const kept = put(range, bytes);
    if (kept.ok())
        return map_.add(range);
    keep_again_ = (env_.clock.steady() + kTryAgain).count();
    log(Level::warn, "cache.full", kept.error(), {{"snapshot", name()}});
}

/// Now and then: what fills up a disk must not be the cache.
Result<void> CacheFile::check_free_space()
{
    std::scoped_lock const guard(journal_mutex_);
    if (filled_bytes_ - checked_at_bytes_ < kCheckFreeEvery && records_ != 0)
        return {};
    auto const free_bytes = TRY(env_.files.free_bytes(place_.directory));
    if (free_bytes < place_.keep_free_bytes)
        return fail(Fault::exhausted,
                    fmt::format("Only {} bytes are free in {}; guests read from the store",
                                free_bytes, place_.directory));
    checked_at_bytes_ = filled_bytes_;
    return {};
}

Result<void> CacheFile::put(Range range, std::span<std::byte const> bytes)
{
    TRY(check_free_space());
    TRY(file_->write_at(range.offset_bytes, bytes));
    std::scoped_lock const guard(journal_mutex_);
    auto const total = filled_bytes_ + range.length_bytes;
    TRY(journal_->write_at(kHeaderBytes + records_ * kRecordBytes,
                           encode_record({range, total}, records_)));
    filled_bytes_ = total;
    ++records_;
    return {};
}

Result<void> CacheFile::give_up()
{
    VERIFY(!whole_);
    broken_ = true;
    return file_->truncate(0);
}

void CacheFile::record_miss(std::uint64_t offset_bytes, Asker asker)
{
    if (asker != Asker::guest)
        return;
    if (first_miss_ == kNever)
        first_miss_ = env_.clock.steady().count();
    std::scoped_lock const guard(trace_mutex_);
    if (tracing_ && trace_.size() < kMaxTracePieces)
        trace_.push_back(offset_bytes);
}

bool CacheFile::tracing()
{
    std::scoped_lock const guard(trace_mutex_);
    return tracing_;
}

void CacheFile::stop_tracing()
{
    std::scoped_lock const guard(trace_mutex_);
    tracing_ = false;
    trace_.clear();
}

Trace CacheFile::take_trace(std::chrono::nanoseconds after)
{
    std::scoped_lock const guard(trace_mutex_);
    auto const now = env_.clock.steady();
    if (!tracing_ || first_miss_ == kNever || now.count() - first_miss_ < after.count())
        return {};
    bool const everything = filled_bytes() == view_->full_size_bytes();
    bool const is_boot = trace_.size() >= kLeastTracePieces || everything;
    tracing_ = false;
    auto trace = std::exchange(trace_, {});
    return is_boot ? std::move(trace) : Trace();
}

Result<bool> CacheFile::hydrate(std::uint64_t bytes)
{
    auto const size_bytes = view_->facts().size_bytes;
    auto const until_bytes = filled_bytes() + bytes;
    for (int looked = 0; looked < kMaxLooks && hydrated_to_ < size_bytes; ++looked) {
        if (!keeps() || filled_bytes() >= until_bytes)
            return false;
        auto const piece = TRY(view_->piece_at(hydrated_to_));
        if (piece.is_data && !map_.covers(piece.range)) {
            TRY(fill(piece, hydrated_to_, {}, Asker::hydration));
            if (!map_.covers(piece.range))
                return false;
        }
        hydrated_to_ = piece.range.end_bytes();
    }
    if (hydrated_to_ < size_bytes)
        return false;
    TRY(finish());
    return true;
}

Result<void> CacheFile::finish()
{
    if (whole_)
        return {};
    auto done = make_whole();
    if (!done.ok()) // what a failed sync left is not known: it is begun anew later
        broken_ = true;
    return done;
}

Result<void> CacheFile::make_whole()
{
    TRY(file_->sync_data());
    TRY(journal_->sync_data()); // the header: without it the file is not believed
    TRY(env_.files.rename(place_.path(name(), kPartSuffix), place_.path(name(), kWholeSuffix)));
    TRY(env_.files.sync_dir(place_.directory));
    whole_ = true;
    return journal_->truncate(kHeaderBytes);
}

} // namespace karat::blk
