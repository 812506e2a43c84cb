// SPDX-License-Identifier: Apache-2.0
#include "packs.hpp"

#include "bytes.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::blocks {
namespace {

std::uint64_t random_seed(Chance& chance)
{
    std::array<std::byte, 8> bytes{};
    chance.fill(bytes);
    return load<std::uint64_t>(bytes.data());
}

} // namespace

Packs::Pin::Pin(Packs& home, Pack& pack)
    : home_(&home)
    , pack_(&pack)
{
    ++pack.pins;
}

Packs::Pin::Pin(Pin&& other) noexcept
    : home_(std::exchange(other.home_, nullptr))
    , pack_(std::exchange(other.pack_, nullptr))
{
}

Packs::Pin& Packs::Pin::operator=(Pin&& other) noexcept
{
    std::swap(home_, other.home_);
    std::swap(pack_, other.pack_);
    return *this;
}

Packs::Pin::~Pin()
{
    if (pack_ != nullptr)
        home_->release(*pack_);
}

Packs::Packs(Chance& chance, std::string directory, Benches& benches, Vault const& vault)
    : directory_(std::move(directory))
    , benches_(benches)
    , vault_(vault)
    , index_(random_seed(chance))
{
}

Packs::~Packs() = default;

void Packs::add(std::uint32_t number, std::unique_ptr<File> file, std::uint64_t file_bytes)
{
    std::scoped_lock const guard(mutex_);
    auto pack = std::make_unique<Pack>();
    pack->number = number;
    pack->file = std::move(file);
    pack->file_bytes = file_bytes;
    if (packs_.contains(number))
        retire(number);
    packs_[number] = std::move(pack);
}

void Packs::add_records(std::uint32_t number, std::span<FooterEntry const> entries)
{
    std::scoped_lock const guard(mutex_);
    for (auto const& entry : entries) {
        if (index_.find(entry.hash) != ExtentIndex::kNone)
            continue;
        auto const blocks = entry.kind == Kind::page ? 0 : entry.raw_bytes / kBlockBytes;
        if (blocks > kMaxExtentBlocks)
            continue; // a forged footer; the record cannot be right either
        index_.insert(entry.hash,
                      {number, entry.offset, entry.stored_bytes, static_cast<std::uint32_t>(blocks),
                       entry.kind},
                      0);
        plain_blocks_ += blocks;
    }
}

void Packs::distrust(std::uint32_t number)
{
    std::scoped_lock const guard(mutex_);
    distrusted_.insert(number);
}

void Packs::set_file_bytes(std::uint32_t number, std::uint64_t file_bytes)
{
    std::scoped_lock const guard(mutex_);
    auto const found = packs_.find(number);
    if (found != packs_.end())
        found->second->file_bytes = file_bytes;
}

Packs::Pin Packs::pin(std::uint32_t number)
{
    std::scoped_lock const guard(mutex_);
    auto const found = packs_.find(number);
    return found == packs_.end() ? Pin() : Pin(*this, *found->second);
}

std::vector<std::uint32_t> Packs::numbers() const
{
    std::scoped_lock const guard(mutex_);
    std::vector<std::uint32_t> numbers;
    for (auto const& [number, pack] : packs_)
        numbers.push_back(number);
    return numbers;
}

void Packs::release(Pack& pack)
{
    std::unique_ptr<Pack> last; // closes the file outside the lock
    std::scoped_lock const guard(mutex_);
    if (--pack.pins > 0 || !pack.retired)
        return;
    auto const found = std::ranges::find(retired_, &pack, &std::unique_ptr<Pack>::get);
    last = std::move(*found);
    retired_.erase(found);
}

void Packs::retire(std::uint32_t number)
{
    auto const found = packs_.find(number);
    auto pack = std::move(found->second);
    packs_.erase(found);
    distrusted_.erase(number);
    pack->retired = true;
    if (pack->pins > 0)
        retired_.push_back(std::move(pack));
}

bool Packs::touch(Hash const& hash, std::atomic<Epoch> const& now)
{
    std::scoped_lock const guard(mutex_);
    auto const id = index_.find(hash);
    if (id == ExtentIndex::kNone || distrusted_.contains(index_.at(id).pack))
        return false;
    auto& entry = index_.at(id);
    entry.set_epoch(now.load());
    condemned_changed_ = condemned_.pardon({entry.pack, entry.offset}) || condemned_changed_;
    return true;
}

std::optional<Location> Packs::insert(Hash const& hash, Location const& location, Epoch epoch)
{
    std::scoped_lock const guard(mutex_);
    auto const known = index_.find(hash);
    plain_blocks_ += location.raw_blocks;
    if (known == ExtentIndex::kNone) {
        index_.insert(hash, location, epoch);
        return {};
    }
    auto& entry = index_.at(known);
    auto const before = entry.location();
    plain_blocks_ -= before.raw_blocks;
    entry.set_location(location);
    entry.set_epoch(epoch);
    return before;
}

void Packs::erase_entry(ExtentIndex::Id id)
{
    plain_blocks_ -= index_.at(id).location().raw_blocks;
    index_.erase(id);
}

void Packs::withdraw(std::span<Inserted const> inserted, std::uint32_t pack)
{
    std::scoped_lock const guard(mutex_);
    for (auto const& [hash, before] : inserted) {
        auto const id = index_.find(hash);
        if (id == ExtentIndex::kNone || index_.at(id).pack != pack)
            continue;
        // Another record may be written there, which nobody has condemned.
        auto const gone = index_.at(id).location();
        condemned_changed_ = condemned_.pardon({gone.pack, gone.offset}) || condemned_changed_;
        if (before)
            index_.at(id).set_location(*before);
        else
            erase_entry(id);
    }
}

std::optional<Location> Packs::find(Hash const& hash) const
{
    std::scoped_lock const guard(mutex_);
    auto const id = index_.find(hash);
    if (id == ExtentIndex::kNone)
        return {};
    return index_.at(id).location();
}

Result<Buffer> Packs::fetch(Wanted const& wanted, std::span<std::byte> direct)
{
    auto const& hash = wanted.hash;
    Indexed what{.hash = hash};
    Pin pinned;
    {
        std::scoped_lock const guard(mutex_);
        what.id = index_.find(hash);
        if (what.id != ExtentIndex::kNone) {
            what.location = index_.at(what.id).location();
            auto const pack = packs_.find(what.location.pack);
            if (pack != packs_.end())
                pinned = Pin(*this, *pack->second);
        }
    }
    if (!pinned)
        return fail(Fault::not_found, fmt::format("The extent {} is missing", hash.text()));
    if (what.location.kind != wanted.kind)
        return fail(Fault::corrupt, fmt::format("The record {} is of the wrong kind", hash.text()));
    return read_record(what, wanted.domain, pinned, direct);
}

Result<bool> Packs::verify(Bench& bench, RecordHeader const& header,
                           std::span<std::byte const> stored, std::span<std::byte> into) const
{
    Vault::Held domain;
    if (header.sealing != Sealing::none) {
        if (checksum(stored) != header.payload_sum)
            return fail(Fault::corrupt, "A stored record does not match its checksum");
        domain = vault_.find(domain_of(stored));
        if (!domain)
            return false;
    }
    TRY(bench.unpack(header, stored, into, domain.get()));
    return true;
}

Result<Buffer> Packs::read_record(Indexed const& what, Domain const* domain, Pin const& pinned,
                                  std::span<std::byte> direct)
{
    auto const& at = what.location;
    auto const damaged = [&](std::string_view why) {
        return fail(Fault::corrupt, fmt::format("{}: the record at {} is damaged: {}",
                                                pack_path(directory_, at.pack), at.offset, why));
    };
    if (at.stored_bytes > kMaxPageBytes)
        return damaged("its length is absurd");
    auto bench = benches_.lend();
    auto const record = bench->scratch(kRecordHeaderBytes + at.stored_bytes);
    auto const got = TRY(pinned.file().read_at(at.offset, record));
    if (got != record.size())
        return damaged("the pack ends before it");
    auto const header = parse_record_header(record, {at.pack, at.offset});
    if (!header || header->hash != what.hash || header->kind != at.kind ||
        header->stored_bytes != at.stored_bytes)
        return damaged("its header is wrong");
    auto const stored = record.subspan(kRecordHeaderBytes);
    bool const fits = header->raw_bytes == direct.size();
    auto plain = fits ? Buffer() : Buffer::of(header->raw_bytes);
    auto const unpacked = bench->unpack(*header, stored, fits ? direct : plain.span(), domain);
    if (!unpacked.ok())
        return damaged(unpacked.error().message);
    return plain;
}

std::uint64_t Packs::count() const
{
    std::scoped_lock const guard(mutex_);
    return index_.count();
}

std::uint64_t Packs::plain_bytes() const
{
    std::scoped_lock const guard(mutex_);
    return plain_blocks_ * kBlockBytes;
}

std::vector<Indexed> Packs::all() const
{
    std::vector<Indexed> all;
    {
        std::scoped_lock const guard(mutex_);
        for (ExtentIndex::Id id = 0; id < index_.id_limit(); ++id) {
            auto const& entry = index_.at(id);
            if (entry.pack != 0)
                all.push_back({id, entry.hash, entry.location()});
        }
    }
    std::ranges::sort(
        all, {}, [](Indexed const& i) { return std::pair(i.location.pack, i.location.offset); });
    return all;
}

void Packs::forget(std::uint32_t pack)
{
    std::scoped_lock const guard(mutex_);
    for (ExtentIndex::Id id = 0; id < index_.id_limit(); ++id)
        if (index_.at(id).pack == pack)
            erase_entry(id);
    if (packs_.contains(pack))
        retire(pack);
}

} // namespace karat::blocks
