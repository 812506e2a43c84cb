// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "karat/blk.hpp"

#include <algorithm>
#include <memory>

namespace karat::blk {

/// A snapshot read from the store alone.
class StoreDisk final : public Disk {
public:
    explicit StoreDisk(std::shared_ptr<blocks::View const> view)
        : view_(std::move(view))
    {
    }
    blocks::View const& view() const override { return *view_; }
    Result<void> read(std::uint64_t offset_bytes, std::span<std::byte> into) override
    {
        return view_->read(offset_bytes, into);
    }
    /// Into the memory for extents.
    Result<void> prefetch(Range range) override
    {
        Bytes part(blocks::kBlockBytes);
        for (auto at = range.offset_bytes; at < range.end_bytes(); at += part.size()) {
            auto const length = std::min<std::uint64_t>(part.size(), range.end_bytes() - at);
            TRY(view_->read(at, std::span(part).first(length)));
        }
        return {};
    }

private:
    std::shared_ptr<blocks::View const> const view_;
};

} // namespace karat::blk
