// SPDX-License-Identifier: Apache-2.0
// A snapshot open for reading, over a source of verified records: the store of this process or the
// reader of another's.
#pragma once

#include "cache.hpp"
#include "codec.hpp"
#include "manifest.hpp"
#include "packs.hpp"
#include "page.hpp"

#include <functional>

namespace karat::blocks {

class SnapshotView;

/// What was read and verified, and for whom: a domain's views have no use for another's.
struct Extent {
    Buffer bytes = {};
    DomainTag domain = {}; ///< Zeroes: not sealed.
};

/// Where views get their records. Outlives its views. Thread-safe.
class Source {
public:
    explicit Source(std::uint64_t cache_bytes)
        : extents(cache_bytes / 4 * 3)
        , pages(cache_bytes / 4)
        , sums(cache_bytes / 8)
    {
    }
    virtual ~Source() = default;
    /// As Packs::fetch, but Fault::corrupt when the record is not to be found.
    virtual Result<Buffer> fetch(Wanted const& wanted, std::span<std::byte> direct) = 0;
    /// The view ends.
    virtual void closed(SnapshotView const& view) = 0;

    Cache<Extent> extents;
    Cache<Page> pages;
    Cache<Hash> sums; ///< Of units of 512 KiB, by unit_key() (units.hpp).
};

/// Reads a page from `source`, not through its cache.
Result<Page> read_page(Source& source, Hash const& hash);

/// The domain of a sealed snapshot, after a look that its manifest is whole; null for another.
/// Fault::denied names the snapshot, the key and what to do.
Result<Vault::Held> unlock(Vault& vault, Manifest const& manifest);

class SnapshotView final : public View {
public:
    /// `domain` as unlock() gave it.
    SnapshotView(Source& source, Manifest manifest, Vault::Held domain);
    ~SnapshotView() override;

    Facts const& facts() const override { return manifest_.facts; }
    Hash root() const override { return root_; }
    std::uint64_t full_size_bytes() const override { return manifest_.data_bytes; }
    Result<void> read(std::uint64_t offset_bytes, std::span<std::byte> into) const override;
    Result<std::optional<Range>> next_data(std::uint64_t offset_bytes) const override;
    Result<Piece> piece_at(std::uint64_t offset_bytes) const override;

    Manifest const& manifest() const { return manifest_; }
    Vault::Held const& domain() const { return domain_; }
    /// The page that maps `index`; an empty one for a hole.
    Result<Page> page(std::uint32_t index) const;
    /// Its slices that meet the blocks, whole.
    Result<Page> slices(std::uint32_t index, BlockRange blocks) const;
    Source& source() const { return source_; }

private:
    using Look = std::function<void(Page const&)>;
    Result<void> look_at_page(Hash const& hash, Look const& look) const;
    Result<void> read_in_page(std::uint32_t index, Range range, std::span<std::byte> into) const;
    Result<void> read_slice(Slice const& slice, std::uint64_t skip_bytes,
                            std::span<std::byte> into) const;

    Source& source_;
    Manifest const manifest_;
    Vault::Held const domain_;
    Hash const root_;
};

} // namespace karat::blocks
