// SPDX-License-Identifier: Apache-2.0
// A block store in memory for tests of this room: keeps snapshots as maps of non-zero blocks, and
// checks that an ingest is fed as the door of blocks demands.
#pragma once

#include "karat/blocks.hpp"

#include <algorithm>

namespace karat::volumes::testing {

/// Block number to its 4096 bytes; what is missing is zero.
using BlockMap = std::map<std::uint64_t, Bytes>;

struct FakeSnapshot {
    blocks::Facts facts;
    BlockMap blocks;
};

/// What the ingests of a store were told, over all of them.
struct Traffic {
    std::uint64_t written_bytes = 0;
    std::uint64_t writes = 0;
    std::uint64_t zeroed_bytes = 0;
};

class FakeView final : public blocks::View {
public:
    explicit FakeView(FakeSnapshot snapshot)
        : snapshot_(std::move(snapshot))
    {
    }
    blocks::Facts const& facts() const override { return snapshot_.facts; }
    std::uint64_t full_size_bytes() const override
    {
        return snapshot_.blocks.size() * blocks::kBlockBytes;
    }
    Hash root() const override
    {
        Sha256 sum;
        for (auto const& [index, bytes] : snapshot_.blocks) {
            sum.update(std::to_string(index));
            sum.update(bytes);
        }
        return sum.finish();
    }
    Result<void> read(std::uint64_t offset_bytes, std::span<std::byte> into) const override
    {
        while (!into.empty()) {
            auto const within = offset_bytes % blocks::kBlockBytes;
            auto const length = std::min<std::size_t>(into.size(), blocks::kBlockBytes - within);
            auto const found = snapshot_.blocks.find(offset_bytes / blocks::kBlockBytes);
            if (found == snapshot_.blocks.end())
                std::fill_n(into.begin(), length, std::byte{0});
            else
                std::copy_n(found->second.begin() + static_cast<std::ptrdiff_t>(within), length,
                            into.begin());
            offset_bytes += length;
            into = into.subspan(length);
        }
        return {};
    }
    Result<std::optional<Range>> next_data(std::uint64_t offset_bytes) const override
    {
        auto const found = snapshot_.blocks.lower_bound(offset_bytes / blocks::kBlockBytes);
        if (found == snapshot_.blocks.end())
            return std::optional<Range>();
        return std::optional(Range{found->first * blocks::kBlockBytes, blocks::kBlockBytes});
    }
    Result<blocks::Piece> piece_at(std::uint64_t offset_bytes) const override
    {
        auto const block = offset_bytes / blocks::kBlockBytes;
        return blocks::Piece{{block * blocks::kBlockBytes, blocks::kBlockBytes},
                             snapshot_.blocks.contains(block)};
    }

private:
    FakeSnapshot snapshot_;
};

class FakeIngest final : public blocks::Ingest {
public:
    FakeIngest(std::map<std::string, FakeSnapshot>& all, Traffic& traffic, FakeSnapshot start)
        : all_(all)
        , traffic_(traffic)
        , snapshot_(std::move(start))
    {
    }
    Result<void> write(std::uint64_t offset_bytes, std::span<std::byte const> data) override
    {
        advance({offset_bytes, data.size()});
        traffic_.written_bytes += data.size();
        ++traffic_.writes;
        for (std::size_t at = 0; at < data.size(); at += blocks::kBlockBytes) {
            auto const block = data.subspan(at, blocks::kBlockBytes);
            auto const index = (offset_bytes + at) / blocks::kBlockBytes;
            if (std::all_of(block.begin(), block.end(), [](auto b) { return b == std::byte{0}; }))
                snapshot_.blocks.erase(index);
            else
                snapshot_.blocks[index] = Bytes(block.begin(), block.end());
        }
        return {};
    }
    Result<void> zero(Range range) override
    {
        advance(range);
        traffic_.zeroed_bytes += range.length_bytes;
        snapshot_.blocks.erase(
            snapshot_.blocks.lower_bound(range.offset_bytes / blocks::kBlockBytes),
            snapshot_.blocks.lower_bound(range.end_bytes() / blocks::kBlockBytes));
        return {};
    }
    Result<blocks::Committed> commit() override
    {
        all_[snapshot_.facts.name] = snapshot_;
        return blocks::Committed{.root = FakeView(snapshot_).root(),
                                 .full_size_bytes = snapshot_.blocks.size() * blocks::kBlockBytes};
    }

private:
    void advance(Range range)
    {
        VERIFY(range.offset_bytes >= end_bytes_ && range.length_bytes > 0);
        VERIFY(range.offset_bytes % blocks::kBlockBytes == 0);
        VERIFY(range.length_bytes % blocks::kBlockBytes == 0);
        VERIFY(range.end_bytes() <= snapshot_.facts.size_bytes);
        end_bytes_ = range.end_bytes();
    }

    std::map<std::string, FakeSnapshot>& all_;
    Traffic& traffic_;
    FakeSnapshot snapshot_;
    std::uint64_t end_bytes_ = 0;
};

class FakeStore final : public blocks::Store {
public:
    Result<std::unique_ptr<blocks::Ingest>> begin(blocks::Facts facts,
                                                  std::optional<std::string> base) override
    {
        if (snapshots.contains(facts.name))
            return fail(Fault::duplicate, facts.name + " exists");
        FakeSnapshot start{facts, {}};
        if (base && !snapshots.contains(*base))
            return fail(Fault::not_found, *base + " does not exist");
        if (base)
            start.blocks = snapshots.at(*base).blocks;
        return std::unique_ptr<blocks::Ingest>(
            std::make_unique<FakeIngest>(snapshots, traffic, std::move(start)));
    }
    Result<std::shared_ptr<blocks::View const>> view(std::string const& name) override
    {
        if (!snapshots.contains(name))
            return fail(Fault::not_found, name + " does not exist");
        return std::shared_ptr<blocks::View const>(std::make_shared<FakeView>(snapshots.at(name)));
    }
    Result<blocks::Description> describe(std::string const& name) override
    {
        auto const found = TRY(view(name));
        return blocks::Description{found->facts(), found->root(), found->full_size_bytes()};
    }
    Result<void> remove(std::string const& name) override
    {
        snapshots.erase(name);
        return {};
    }
    Result<blocks::CollectReport> collect(std::span<std::string const>) override
    {
        return blocks::CollectReport{};
    }
    Result<void> clear_alarm() override { return {}; }
    Result<std::vector<std::string>> names() override { return std::vector<std::string>(); }
    Result<blocks::Stats> stats() override { return blocks::Stats{}; }
    bool is_short_of_room() override { return false; }
    Result<blocks::CheckReport> check(std::function<bool(double)>) override
    {
        return blocks::CheckReport{};
    }
    Result<blocks::ScrubReport> scrub(blocks::ScrubRequest const&) override
    {
        return blocks::ScrubReport{.finished = true};
    }
    blocks::StagedSnapshots& staged() override { broken("nothing here stages"); }

    std::map<std::string, FakeSnapshot> snapshots;
    Traffic traffic;
};

} // namespace karat::volumes::testing
