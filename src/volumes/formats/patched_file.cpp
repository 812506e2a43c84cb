// SPDX-License-Identifier: Apache-2.0
#include "formats/patched_file.hpp"

#include "read_only_file.hpp"

#include <algorithm>

namespace karat::volumes {

void Patches::put(std::uint64_t offset_bytes, std::span<std::byte const> bytes)
{
    assign({offset_bytes, bytes.size()}, data_.size());
    data_.insert(data_.end(), bytes.begin(), bytes.end());
}

void Patches::zero(Range place) { assign(place, kZeroes); }

void Patches::assign(Range place, std::size_t data_at)
{
    if (place.length_bytes == 0)
        return;
    auto const rest_of = [](Part const& part, std::uint64_t skipped) {
        return Part{part.length_bytes - skipped,
                    part.data_at == kZeroes ? kZeroes : part.data_at + skipped};
    };
    auto next = parts_.lower_bound(place.offset_bytes);
    if (next != parts_.begin()) {
        auto const before = std::prev(next);
        auto const kept = place.offset_bytes - before->first;
        if (before->second.length_bytes > kept) {
            auto const whole = before->second;
            before->second.length_bytes = kept;
            if (before->first + whole.length_bytes > place.end_bytes())
                parts_[place.end_bytes()] = rest_of(whole, place.end_bytes() - before->first);
            next = parts_.lower_bound(place.offset_bytes);
        }
    }
    while (next != parts_.end() && next->first < place.end_bytes()) {
        if (next->first + next->second.length_bytes > place.end_bytes())
            parts_[place.end_bytes()] = rest_of(next->second, place.end_bytes() - next->first);
        next = parts_.erase(next);
    }
    parts_[place.offset_bytes] = {place.length_bytes, data_at};
}

class PatchedFile final : public ReadOnlyFile {
public:
    PatchedFile(std::unique_ptr<File> file, Patches patches, std::uint64_t size_bytes)
        : file_(std::move(file))
        , patches_(std::move(patches))
        , size_bytes_(size_bytes)
    {
        for (auto const& [offset, part] : patches_.parts_)
            if (part.data_at != Patches::kZeroes)
                changed_.push_back({offset, part.length_bytes});
    }

    Result<std::size_t> read_at(std::uint64_t offset_bytes, std::span<std::byte> into) override
    {
        auto const left = size_bytes_ - std::min(size_bytes_, offset_bytes);
        into = into.first(std::min<std::uint64_t>(into.size(), left));
        auto const got = TRY(file_->read_at(offset_bytes, into));
        std::fill(into.begin() + static_cast<std::ptrdiff_t>(got), into.end(), std::byte{0});
        auto const end = offset_bytes + into.size();
        for (auto part = first_after(offset_bytes);
             part != patches_.parts_.end() && part->first < end; ++part) {
            auto const from = std::max(part->first, offset_bytes);
            auto const to = std::min(part->first + part->second.length_bytes, end);
            auto const target = into.subspan(from - offset_bytes, to - from);
            if (part->second.data_at == Patches::kZeroes)
                std::fill(target.begin(), target.end(), std::byte{0});
            else
                std::copy_n(patches_.data_.begin() + static_cast<std::ptrdiff_t>(
                                                         part->second.data_at + from - part->first),
                            target.size(), target.begin());
        }
        return into.size();
    }
    Result<std::uint64_t> size_bytes() override { return size_bytes_; }

    /// Changes to zeroes add no data, however far they reach; data below them counts as before.
    Result<std::optional<Range>> next_data(std::uint64_t offset_bytes) override
    {
        auto const found = TRY(file_->next_data(offset_bytes));
        auto const change = std::upper_bound(
            changed_.begin(), changed_.end(), offset_bytes,
            [](std::uint64_t offset, Range const& range) { return offset < range.end_bytes(); });
        if (change == changed_.end() || change->offset_bytes >= size_bytes_)
            return found;
        auto const from = std::max(change->offset_bytes, offset_bytes);
        if (found && found->offset_bytes <= from)
            return found;
        return std::optional(Range{from, std::min(change->end_bytes(), size_bytes_) - from});
    }

private:
    /// The first part that ends after `offset_bytes`.
    std::map<std::uint64_t, Patches::Part>::const_iterator
    first_after(std::uint64_t offset_bytes) const
    {
        auto part = patches_.parts_.upper_bound(offset_bytes);
        if (part != patches_.parts_.begin()) {
            auto const before = std::prev(part);
            if (before->first + before->second.length_bytes > offset_bytes)
                return before;
        }
        return part;
    }

    std::unique_ptr<File> file_;
    Patches patches_;
    std::uint64_t size_bytes_;
    std::vector<Range> changed_; ///< Where bytes were put.
};

std::unique_ptr<File> open_patched(std::unique_ptr<File> file, Patches patches,
                                   std::uint64_t size_bytes)
{
    return std::make_unique<PatchedFile>(std::move(file), std::move(patches), size_bytes);
}

} // namespace karat::volumes
