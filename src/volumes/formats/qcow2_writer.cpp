// SPDX-License-Identifier: Apache-2.0
// A qcow2 file of version 3 with clusters of 64 KiB, in this order:
//
//   0   header
//   1…  L1 table
//   …   data clusters, each L2 table after the clusters that it names
//   …   refcount blocks, refcount table: every cluster counts once
#include "formats/writers.hpp"

#include "qcow2_format.hpp"

#include <algorithm>

namespace karat::volumes {
namespace {

using namespace qcow2;

constexpr std::uint32_t kBits = 16;
constexpr std::uint64_t kCluster = std::uint64_t{1} << kBits;
constexpr std::uint64_t kPerTable = kCluster / sizeof(std::uint64_t);
constexpr std::uint64_t kPerRefcountBlock = kCluster / sizeof(std::uint16_t);
constexpr std::uint32_t kRefcountOrder = 4; // sixteen bits

std::uint64_t clusters_for(std::uint64_t bytes) { return (bytes + kCluster - 1) / kCluster; }

class Qcow2Writer {
public:
    Qcow2Writer(DiskSource& source, File& file)
        : source_(source)
        , file_(file)
        , l1_((clusters_for(source.size_bytes()) + kPerTable - 1) / kPerTable *
              sizeof(std::uint64_t))
        , table_(kCluster)
        , clusters_(1 + clusters_for(l1_.size()))
    {
    }

    Result<void> run()
    {
        TRY(source_.each_unit(kCluster,
                              [this](std::uint64_t unit, std::span<std::byte const> bytes) {
                                  return add(unit, bytes);
                              }));
        TRY(finish_table());
        TRY(file_.write_at(kCluster, l1_));
        return write_refcounts();
    }

private:
    std::uint64_t take_cluster() { return clusters_++ * kCluster; }

    Result<void> add(std::uint64_t unit, std::span<std::byte const> bytes)
    {
        if (unit / kPerTable != table_index_)
            TRY(finish_table());
        table_index_ = unit / kPerTable;
        auto const host = take_cluster();
        store_be(table_, unit % kPerTable * sizeof(std::uint64_t), host | kCopied);
        table_used_ = true;
        return write_sparse(file_, host, bytes);
    }

    Result<void> finish_table()
    {
        if (!table_used_)
            return {};
        auto const host = take_cluster();
        TRY(file_.write_at(host, table_));
        store_be(l1_, table_index_ * sizeof(std::uint64_t), host | kCopied);
        std::fill(table_.begin(), table_.end(), std::byte{0});
        table_used_ = false;
        return {};
    }

    /// Blocks and table count themselves too, so their number is found by trying.
    Result<void> write_refcounts()
    {
        auto const used = clusters_;
        std::uint64_t blocks = 0;
        std::uint64_t tables = 0;
        while (blocks * kPerRefcountBlock < used + blocks + tables) {
            ++blocks;
            tables = clusters_for(blocks * sizeof(std::uint64_t));
        }
        clusters_ = used + blocks + tables;
        Bytes table(tables * kCluster);
        for (std::uint64_t i = 0; i < blocks; ++i) {
            auto const first = i * kPerRefcountBlock;
            auto const count = std::min(kPerRefcountBlock, clusters_ - std::min(clusters_, first));
            Bytes counts(kCluster);
            for (std::size_t at = 0; at < count; ++at)
                store_be(counts, at * sizeof(std::uint16_t), std::uint16_t{1});
            TRY(file_.write_at((used + i) * kCluster, counts));
            store_be(table, i * sizeof(std::uint64_t), (used + i) * kCluster);
        }
        TRY(file_.write_at((used + blocks) * kCluster, table));
        return write_header((used + blocks) * kCluster, static_cast<std::uint32_t>(tables));
    }

    Result<void> write_header(std::uint64_t refcounts, std::uint32_t refcount_clusters)
    {
        Bytes header(kHeaderBytesNew + kExtensionHeadBytes); // the end extension is zeroes
        store_be(header, at::kMagic, kMagic);
        store_be(header, at::kVersion, std::uint32_t{3});
        store_be(header, at::kClusterBits, kBits);
        store_be(header, at::kSize, source_.size_bytes());
        store_be(header, at::kL1Entries,
                 static_cast<std::uint32_t>(l1_.size() / sizeof(std::uint64_t)));
        store_be(header, at::kL1Offset, kCluster);
        store_be(header, at::kRefcountOffset, refcounts);
        store_be(header, at::kRefcountClusters, refcount_clusters);
        store_be(header, at::kRefcountOrder, kRefcountOrder);
        store_be(header, at::kHeaderLength, static_cast<std::uint32_t>(kHeaderBytesNew));
        TRY(file_.write_at(0, header));
        return file_.truncate(clusters_ * kCluster);
    }

    DiskSource& source_;
    File& file_;
    Bytes l1_;
    Bytes table_; ///< The L2 table in the making,
    std::uint64_t table_index_ = 0;
    bool table_used_ = false;
    std::uint64_t clusters_; ///< That are taken so far.
};

} // namespace

Result<void> write_qcow2(DiskSource& source, File& file) { return Qcow2Writer(source, file).run(); }

} // namespace karat::volumes
