// SPDX-License-Identifier: Apache-2.0
// Members of an archive as a file of their own.
#include "formats/tar.hpp"
#include "read_only_file.hpp"

#include <algorithm>

namespace karat::volumes::tar {
namespace {

class MembersFile final : public ReadOnlyFile {
public:
    MembersFile(File& archive, std::vector<Member> const& parts)
        : archive_(archive)
    {
        for (auto const& part : parts) {
            for (auto extent : part.extents) {
                extent.offset_bytes += size_bytes_;
                extents_.push_back(extent);
            }
            size_bytes_ += part.size_bytes;
        }
    }

    Result<std::size_t> read_at(std::uint64_t offset_bytes, std::span<std::byte> into) override
    {
        auto const left = size_bytes_ - std::min(size_bytes_, offset_bytes);
        into = into.first(std::min<std::uint64_t>(into.size(), left));
        std::fill(into.begin(), into.end(), std::byte{0});
        auto const end = offset_bytes + into.size();
        for (auto i = first_after(offset_bytes); i < extents_.size(); ++i) {
            auto const& extent = extents_[i];
            auto const from = std::max(extent.offset_bytes, offset_bytes);
            auto const to = std::min(end_of(extent), end);
            if (from >= to)
                break;
            TRY(read_exactly(archive_, extent.data.offset_bytes + (from - extent.offset_bytes),
                             into.subspan(from - offset_bytes, to - from)));
        }
        return into.size();
    }
    Result<std::uint64_t> size_bytes() override { return size_bytes_; }

    Result<std::optional<Range>> next_data(std::uint64_t offset_bytes) override
    {
        for (auto i = first_after(offset_bytes); i < extents_.size(); ++i) {
            auto const& extent = extents_[i];
            auto const skipped = std::max(extent.offset_bytes, offset_bytes) - extent.offset_bytes;
            auto const host = extent.data.offset_bytes + skipped;
            auto const found = TRY(archive_.next_data(host));
            if (!found) // what follows may still lie before this in the archive
                continue;
            auto const from = std::max(found->offset_bytes, host);
            auto const to = std::min(found->end_bytes(), extent.data.end_bytes());
            if (from < to)
                return std::optional(
                    Range{extent.offset_bytes + (from - extent.data.offset_bytes), to - from});
        }
        return std::optional<Range>();
    }

private:
    static std::uint64_t end_of(Extent const& extent)
    {
        return extent.offset_bytes + extent.data.length_bytes;
    }

    /// The index of the first extent that ends after `offset_bytes`.
    std::size_t first_after(std::uint64_t offset_bytes) const
    {
        auto const found = std::upper_bound(
            extents_.begin(), extents_.end(), offset_bytes,
            [](std::uint64_t offset, Extent const& extent) { return offset < end_of(extent); });
        return static_cast<std::size_t>(found - extents_.begin());
    }

    File& archive_;
    std::uint64_t size_bytes_ = 0;
    std::vector<Extent> extents_;
};

} // namespace

std::unique_ptr<File> open_members(File& archive, std::vector<Member> const& parts)
{
    return std::make_unique<MembersFile>(archive, parts);
}

} // namespace karat::volumes::tar
