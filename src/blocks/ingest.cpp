// SPDX-License-Identifier: Apache-2.0
#include "ingest.hpp"

#include "bytes.hpp"
#include "cutter.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::blocks {
namespace {

/// Pages that may wait for their extents' hashes while the caller is ahead of them.
constexpr std::size_t kOpenPages = 2;
/// A batch is sent once it holds this much; the next extent fits into it in any case.
constexpr std::uint32_t kBatchBytes = kMaxExtentBytes;
constexpr std::uint32_t kBatchRoom = kBatchBytes + kMaxExtentBytes;

} // namespace

SnapshotIngest::SnapshotIngest(IngestTools tools, Manifest manifest,
                               std::shared_ptr<SnapshotView const> base, Vault::Held domain)
    : tools_(std::move(tools))
    , manifest_(std::move(manifest))
    , base_(std::move(base))
    , domain_(std::move(domain))
    , records_(tools_.env.chance, tools_.packs, tools_.writer, tools_.registry)
    , failures_before_(tools_.writer.failures())
{
    if (base_)
        manifest_.data_bytes = base_->manifest().data_bytes;
}

SnapshotIngest::~SnapshotIngest()
{
    {
        std::unique_lock guard(mutex_);
        done_.wait(guard, [&] { return pending_ == 0; });
    }
    tools_.registry.end_ingest(manifest_.facts.name);
}

Result<void> SnapshotIngest::check_range(Range range)
{
    auto const& name = manifest_.facts.name;
    auto const size = manifest_.facts.size_bytes;
    if (ended_)
        return fail(Fault::wrong_state, fmt::format("The snapshot '{}' is committed", name));
    if (range.offset_bytes > size || range.length_bytes > size - range.offset_bytes)
        return fail(Fault::invalid,
                    fmt::format("{} bytes at {} reach beyond the {} bytes of '{}'",
                                range.length_bytes, range.offset_bytes, size, name));
    if (range.offset_bytes % kBlockBytes != 0 || range.length_bytes % kBlockBytes != 0)
        return fail(Fault::invalid,
                    fmt::format("{} bytes at {} are not whole blocks of {}", range.length_bytes,
                                range.offset_bytes, kBlockBytes));
    if (range.offset_bytes < position_)
        return fail(Fault::invalid, fmt::format("'{}' was already written up to {}, beyond {}",
                                                name, position_, range.offset_bytes));
    if (auto error = failure())
        return std::move(*error);
    position_ = range.end_bytes();
    return {};
}

std::optional<Error> SnapshotIngest::failure()
{
    std::scoped_lock const guard(mutex_);
    return failure_;
}

namespace {

/// Calls each(page index, blocks within it, bytes from the range's start) for every page met.
template <class Each>
Result<void> by_page(Range range, Each const& each)
{
    for (auto at = range.offset_bytes; at < range.end_bytes();) {
        auto const index = static_cast<std::uint32_t>(at / kPageSpanBytes);
        auto const start = index * kPageSpanBytes;
        auto const stop = std::min(range.end_bytes(), start + kPageSpanBytes);
        BlockRange const blocks{static_cast<std::uint32_t>((at - start) / kBlockBytes),
                                static_cast<std::uint32_t>((stop - start) / kBlockBytes)};
        TRY(each(index, blocks, at - range.offset_bytes));
        at = stop;
    }
    return {};
}

} // namespace

Result<void> SnapshotIngest::write(std::uint64_t offset_bytes,
                                   std::span<std::byte const> data) noexcept
{
    Range const range{offset_bytes, data.size()};
    TRY(check_range(range));
    {
        std::scoped_lock const guard(mutex_);
        totals_.bytes_written += data.size();
    }
    return by_page(range, [&](std::uint32_t index, BlockRange blocks, std::uint64_t done) {
        auto entered = enter(index, blocks);
        if (entered.ok())
            add_blocks(std::uint64_t{index} * kPageBlocks + blocks.start,
                       data.subspan(done, (blocks.end - blocks.start) * kBlockBytes));
        return entered;
    });
}

Result<void> SnapshotIngest::zero(Range range) noexcept
{
    TRY(check_range(range));
    end_extent();
    if (!base_)
        return {}; // what is never written is a hole
    return by_page(range, [&](std::uint32_t index, BlockRange blocks, std::uint64_t) {
        bool const hole = find_page(base_->manifest().pages, index) == nullptr &&
                          (works_.empty() || works_.back().index != index);
        return hole ? Result<void>() : enter(index, blocks);
    });
}

Result<void> SnapshotIngest::enter(std::uint32_t index, BlockRange changed)
{
    if (works_.empty() || works_.back().index != index) {
        end_extent(); // extents do not cross pages
        send_batch();
        works_.emplace_back();
        works_.back().index = index;
    }
    auto& ranges = works_.back().changed;
    if (!ranges.empty() && ranges.back().end == changed.start)
        ranges.back().end = changed.end;
    else
        ranges.push_back(changed);
    return works_.size() > kOpenPages ? finish_oldest_page() : Result<void>();
}

void SnapshotIngest::add_blocks(std::uint64_t first, std::span<std::byte const> data)
{
    if (extent_bytes_ > 0 && extent_start_ + extent_bytes_ / kBlockBytes != first)
        end_extent();
    for (; !data.empty(); data = data.subspan(kBlockBytes), ++first) {
        auto const block = data.first(kBlockBytes);
        if (is_zero_block(block)) {
            end_extent();
            continue;
        }
        if (extent_bytes_ == 0)
            begin_extent(first);
        copy_bytes(block, batch_->data.data.get() + batch_bytes_);
        batch_bytes_ += kBlockBytes;
        extent_bytes_ += kBlockBytes;
        bool const page_ends = (first + 1) % kPageBlocks == 0;
        if (page_ends || extent_bytes_ == kMaxExtentBytes || cuts_after(block))
            end_extent();
    }
}

void SnapshotIngest::begin_extent(std::uint64_t first)
{
    extent_start_ = first;
    if (batch_)
        return;
    batch_ = std::make_unique<Batch>();
    batch_->ingest = this;
    batch_->page = &works_.back();
    batch_bytes_ = 0;
    std::scoped_lock const guard(mutex_);
    if (idle_.empty()) {
        batch_->data = Buffer::of(kBatchRoom);
    } else {
        batch_->data = std::move(idle_.back());
        idle_.pop_back();
    }
}

void SnapshotIngest::end_extent()
{
    if (extent_bytes_ == 0)
        return;
    auto& work = works_.back();
    work.fresh.push_back({
        .start = static_cast<std::uint32_t>(extent_start_ % kPageBlocks),
        .blocks = static_cast<std::uint16_t>(extent_bytes_ / kBlockBytes),
    });
    batch_->slices.push_back(&work.fresh.back());
    extent_bytes_ = 0;
    if (batch_bytes_ >= kBatchBytes)
        send_batch();
}

void SnapshotIngest::send_batch()
{
    if (!batch_)
        return;
    {
        std::scoped_lock const guard(mutex_);
        ++pending_;
        ++batch_->page->pending;
    }
    tools_.workers.submit(std::move(batch_));
}

void SnapshotIngest::store(Batch& batch)
{
    auto stored = store_extents(batch);
    std::scoped_lock const guard(mutex_);
    if (!stored.ok() && !failure_)
        failure_ = stored.take_error();
    idle_.push_back(std::move(batch.data));
    --batch.page->pending;
    --pending_;
    done_.notify_all(); // under the lock: the ingest may end as soon as it is free
}

Result<void> SnapshotIngest::store_extents(Batch const& batch)
{
    auto bench = tools_.benches.lend();
    auto rest = batch.data.span();
    for (auto* const slice : batch.slices) {
        auto const raw = rest.first(slice->blocks * kBlockBytes);
        rest = rest.subspan(raw.size());
        slice->hash = bench->name(raw, domain_.get());
        TRY(store_record(*bench, {Kind::extent, slice->hash, raw, domain_.get()}));
    }
    return {};
}

Result<void> SnapshotIngest::store_record(Bench& bench, NewRecord const& fresh)
{
    auto const stored = TRY(records_.store(bench, fresh));
    if (stored.appended == PackWriter::Appended::fresh) {
        std::scoped_lock const guard(mutex_);
        totals_.bytes_new += fresh.kind == Kind::extent ? fresh.raw.size() : 0;
        totals_.bytes_stored += stored.bytes;
    }
    return {};
}

Result<void> SnapshotIngest::finish_oldest_page()
{
    auto& work = works_.front();
    if (batch_ && batch_->page == &work)
        send_batch();
    {
        std::unique_lock guard(mutex_);
        done_.wait(guard, [&] { return work.pending == 0; });
        if (failure_)
            return *failure_;
    }
    keep_base_pages(work.index);
    Page base;
    if (base_)
        base = TRY(base_->page(work.index));
    auto const blocks_of = [](Page const& page) {
        std::uint64_t blocks = 0;
        for (auto const& slice : page)
            blocks += slice.blocks;
        return blocks;
    };
    auto const page = overlay(base, work.changed, work.fresh);
    manifest_.data_bytes -= blocks_of(base) * kBlockBytes;
    manifest_.data_bytes += blocks_of(page) * kBlockBytes;
    TRY(add_page(work.index, page));
    next_base_page_ = std::uint64_t{work.index} + 1;
    works_.pop_front();
    return {};
}

Result<void> SnapshotIngest::add_page(std::uint32_t index, Page const& page)
{
    if (page.empty())
        return {};
    auto const raw = encode_page(page);
    auto bench = tools_.benches.lend();
    auto const hash = bench->hash(raw);
    TRY(store_record(*bench,
                     {.kind = Kind::page, .hash = hash, .raw = raw, .if_known = known_pages_}));
    manifest_.pages.push_back({index, hash});
    return {};
}

void SnapshotIngest::keep_base_pages(std::uint64_t before)
{
    if (!base_)
        return;
    auto const& pages = base_->manifest().pages;
    auto it = std::ranges::lower_bound(pages, next_base_page_, {}, &PageRef::index);
    for (; it != pages.end() && it->index < before; ++it)
        manifest_.pages.push_back(*it);
}

Result<void> SnapshotIngest::place(std::uint32_t page, std::vector<BlockRange> changed,
                                   std::deque<Slice> fresh)
{
    auto const start = page * kPageSpanBytes;
    auto const size = std::min(kPageSpanBytes, manifest_.facts.size_bytes - start);
    TRY(check_range({start, size}));
    end_extent();
    while (!works_.empty())
        TRY(finish_oldest_page());
    works_.emplace_back();
    works_.back().index = page;
    works_.back().changed = std::move(changed);
    works_.back().fresh = std::move(fresh);
    return finish_oldest_page();
}

Result<void> SnapshotIngest::finish_pages()
{
    end_extent();
    while (!works_.empty())
        TRY(finish_oldest_page());
    keep_base_pages(kMaxPages);
    return {};
}

Result<Committed> SnapshotIngest::commit() noexcept
{
    TRY(check_range({position_, 0}));
    TRY(finish_pages());
    TRY(tools_.writer.make_durable());
    // A write that failed since begin() may have taken records that this ingest found or wrote.
    if (tools_.writer.failures() != failures_before_)
        return fail(Fault::io, fmt::format("The snapshot '{}' was not stored: a write to the "
                                           "store failed meanwhile",
                                           manifest_.facts.name));
    TRY(publish());
    ended_ = true;
    std::scoped_lock const guard(mutex_);
    totals_.root = root_of(manifest_);
    totals_.full_size_bytes = manifest_.data_bytes;
    return totals_;
}

Result<void> SnapshotIngest::publish()
{
    auto const& name = manifest_.facts.name;
    auto const path = manifest_path(tools_.directory, name);
    auto const temporary = path + std::string(kTemporarySuffix);
    auto& files = tools_.env.files;
    auto written = write_manifest(temporary);
    tools_.registry.made(name);
    if (written.ok())
        written = files.rename(temporary, path);
    if (!written.ok()) {
        (void)files.remove(temporary); // what matters is why it failed; open() drops leftovers
        return written;
    }
    auto synced = tools_.health.after_sync(files.sync_dir(manifests_path(tools_.directory)));
    if (!synced.ok())
        (void)files.remove(path); // not acknowledged; the store is read-only from here
    return synced;
}

Result<void> SnapshotIngest::write_manifest(std::string const& temporary)
{
    TRY(tools_.health.check_writable());
    auto const file = TRY(tools_.env.files.open(temporary, Access::create));
    TRY(file->truncate(0));
    if (domain_)
        manifest_.seal->mac = domain_->mac(words_to_prove(manifest_));
    TRY(file->write_at(0, encode_manifest(manifest_)));
    return tools_.health.after_sync(file->sync_data());
}

} // namespace karat::blocks
