// SPDX-License-Identifier: Apache-2.0
#include "staging.hpp"

#include "bytes.hpp"
#include "cutter.hpp"
#include "units.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::blocks {

Time StagedFile::last_put() const
{
    std::scoped_lock const guard(mutex_);
    return last_put_;
}

/// Of two records of one unit the later in the file counts.
void StagedFile::note(StagedRecord const& record, Spot spot)
{
    std::scoped_lock const guard(mutex_);
    auto& known = units_[record.index];
    if (spot.offset >= known.offset)
        known = spot;
    last_put_ = std::max(last_put_, record.when);
}

namespace {

/// Keeps what a put() touches from being collected until its record says so.
class Lease {
public:
    static Result<std::unique_ptr<Lease>> take(Registry& registry, std::string name)
    {
        TRY(registry.begin_ingest(name));
        return std::make_unique<Lease>(registry, std::move(name));
    }
    Lease(Registry& registry, std::string name)
        : registry_(registry)
        , name_(std::move(name))
    {
    }
    Lease(Lease const&) = delete;
    Lease& operator=(Lease const&) = delete;
    ~Lease() { registry_.end_ingest(name_); }

private:
    Registry& registry_;
    std::string const name_;
};

/// Calls each(first block, its bytes) for every extent of the unit.
template <class Each>
Result<void> cut_unit(std::span<std::byte const> unit, Each const& each)
{
    std::uint32_t start = 0;
    bool empty = true;
    auto const end_extent = [&](std::uint32_t end) -> Result<void> {
        auto const from = std::exchange(start, end);
        if (from == end)
            return {};
        empty = false;
        return each(from, unit.subspan(from * kBlockBytes, (end - from) * kBlockBytes));
    };
    for (std::uint32_t block = 0; block < kUnitBlocks; ++block) {
        auto const bytes = unit.subspan(block * kBlockBytes, kBlockBytes);
        if (is_zero_block(bytes)) {
            TRY(end_extent(block));
            start = block + 1;
        } else if (cuts_after(bytes)) {
            TRY(end_extent(block + 1));
        }
    }
    if (start < kUnitBlocks)
        TRY(end_extent(kUnitBlocks));
    return empty ? each(0, unit) : Result<void>(); // zeroes that were put are data
}

} // namespace

Result<std::vector<Slice>> StagedFile::store_extents(StagedUnit const& unit)
{
    // Asked each time: under a key that is gone or disabled meanwhile, nothing more is stored.
    auto const domain = start_.seal ? TRY(tools_.vault.unlock(*start_.seal)) : Vault::Held();
    RecordStore records(tools_.env.chance, tools_.packs, tools_.writer, tools_.registry);
    std::vector<Slice> slices;
    auto bench = tools_.benches.lend();
    TRY(cut_unit(
        unit.data, [&](std::uint32_t start, std::span<std::byte const> raw) -> Result<void> {
            slices.push_back(
                {.start = start, .blocks = static_cast<std::uint16_t>(raw.size() / kBlockBytes)});
            auto& slice = slices.back();
            slice.hash = bench->name(raw, domain.get());
            // Also what is known: else the time that a put takes tells what others have stored.
            TRY(records.store(
                *bench, {Kind::extent, slice.hash, raw, domain.get(), IfKnown::write_it_too}));
            return {};
        }));
    return slices;
}

Result<void> StagedFile::put(StagedUnit const& unit) noexcept
{
    auto const& name = start_.facts.name;
    if (unit.data.size() != kStagedUnitBytes ||
        (unit.index + std::uint64_t{1}) * kStagedUnitBytes > size_bytes())
        return fail(Fault::invalid, fmt::format("The block {} is not one of the {} blocks of {}",
                                                unit.index, size_bytes() / kStagedUnitBytes, name));
    std::shared_lock const running(puts_);
    if (mode_ != Mode::open)
        return fail(Fault::wrong_state, fmt::format("{} takes no more blocks", name));
    TRY(tools_.health.check_writable());
    auto const lease = TRY(Lease::take(tools_.registry, fmt::format("{} put {}", name, ++count_)));
    auto const failures = tools_.writer.failures();
    StagedRecord record{.index = unit.index, .when = unit.when, .sum = unit.sum};
    record.slices = TRY(store_extents(unit));
    TRY(tools_.writer.make_durable());
    // A write that failed meanwhile may have taken an extent that this put found or wrote.
    if (tools_.writer.failures() != failures)
        return fail(Fault::io, fmt::format("The block {} of {} was not stored: a write to the "
                                           "store failed meanwhile",
                                           unit.index, name));
    auto const spot = TRY(append(record));
    TRY(make_durable(spot.offset + spot.size_bytes));
    note(record, spot);
    remember_sum(tools_.source, record.slices, unit.sum);
    return {};
}

Result<StagedFile::Spot> StagedFile::append(StagedRecord const& record)
{
    std::scoped_lock const guard(mutex_);
    auto const bytes = encode_staged_record(record, end_);
    auto const written = file_->write_at(end_, bytes);
    if (!written.ok()) {
        (void)file_->truncate(end_); // if it fails, the next record goes to the same place anyway
        return written.error();
    }
    Spot const spot{end_, static_cast<std::uint32_t>(bytes.size())};
    end_ += bytes.size();
    return spot;
}

/// One sync serves all records that were appended before it.
Result<void> StagedFile::make_durable(std::uint64_t end)
{
    std::scoped_lock const one_sync(sync_mutex_);
    if (synced_ >= end)
        return {};
    TRY(tools_.health.check_writable());
    std::uint64_t appended = 0;
    {
        std::scoped_lock const guard(mutex_);
        appended = end_;
    }
    TRY(tools_.health.after_sync(file_->sync_data()));
    synced_ = appended;
    return {};
}

std::vector<StagedFile::Spot> StagedFile::spots() const
{
    std::scoped_lock const guard(mutex_);
    std::vector<Spot> found;
    found.reserve(units_.size());
    for (auto const& [index, spot] : units_)
        found.push_back(spot);
    return found;
}

Result<StagedRecord> StagedFile::read(Spot spot) const
{
    Bytes bytes(spot.size_bytes);
    TRY(read_exactly(*file_, spot.offset, bytes));
    std::size_t size = 0;
    auto record = decode_staged_record(bytes, spot.offset, size);
    if (!record)
        return fail(Fault::corrupt,
                    fmt::format("A block of {} is damaged where it is staged, at {} of its file",
                                start_.facts.name, spot.offset));
    return std::move(*record);
}

Result<StagedContents> StagedFile::seal() noexcept
{
    std::unique_lock const none_runs(puts_);
    if (mode_ == Mode::open)
        mode_ = Mode::sealed;
    StagedContents contents{.units = 0, .checksum = {}, .last_put = last_put()};
    Sha256 sums;
    for (auto const spot : spots()) {
        auto const record = TRY(read(spot));
        sums.update(record.sum.bytes);
        ++contents.units;
    }
    contents.checksum = sums.finish();
    return contents;
}

void StagedFile::unseal() noexcept
{
    std::unique_lock const none_runs(puts_);
    if (mode_ == Mode::sealed)
        mode_ = Mode::open;
}

void StagedFile::close()
{
    std::unique_lock const none_runs(puts_);
    mode_ = Mode::closed;
}

namespace {

/// The units of one page, gathered until the next page begins.
struct PageUnits {
    std::uint32_t index = 0;
    std::vector<BlockRange> changed = {};
    std::deque<Slice> fresh = {};

    void add(StagedRecord const& record)
    {
        auto const first = record.index % kPageUnits * kUnitBlocks;
        if (!changed.empty() && changed.back().end == first)
            changed.back().end += kUnitBlocks;
        else
            changed.push_back({first, first + kUnitBlocks});
        for (auto slice : record.slices) {
            slice.start += first;
            fresh.push_back(slice);
        }
    }
};

} // namespace

Result<void> StagedFile::place_units(SnapshotIngest& ingest)
{
    PageUnits page;
    auto const flush = [&]() -> Result<void> {
        if (page.changed.empty())
            return {};
        return ingest.place(page.index, std::move(page.changed), std::move(page.fresh));
    };
    for (auto const spot : spots()) {
        auto const record = TRY(read(spot));
        for (auto const& slice : record.slices)
            if (!tools_.packs.find(slice.hash))
                return fail(Fault::corrupt, fmt::format("The extent {} of a block of {} is missing",
                                                        slice.hash.text(), start_.facts.name));
        if (auto const index = record.index / kPageUnits; index != page.index) {
            TRY(flush());
            page = {.index = index};
        }
        page.add(record);
    }
    return flush();
}

Result<Committed> StagedFile::commit(Facts facts) noexcept
{
    if (facts.name != start_.facts.name || facts.size_bytes != size_bytes())
        return fail(Fault::invalid,
                    fmt::format("{} is committed under its own name and size", start_.facts.name));
    TRY(check_facts(facts));
    TRY(tools_.health.check_writable());
    auto domain = TRY(unlock(tools_.vault, start_));
    auto base = std::make_shared<SnapshotView const>(tools_.source, start_, std::move(domain));
    auto const ingest = TRY(tools_.begin(std::move(facts), std::move(base)));
    ingest->write_known_pages();
    TRY(place_units(*ingest));
    return ingest->commit();
}

} // namespace karat::blocks
