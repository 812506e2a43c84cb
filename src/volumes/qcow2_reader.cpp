// SPDX-License-Identifier: Apache-2.0
// Reads qcow2 files of strangers. What bounds it:
//   memory   the places of the L2 tables (at most 1 M), one L2 table, one compressed cluster
//   work     L2 tables are distinct, so all of them together fit the file; and the stored bytes
//            that the disk maps, each counted once, may not exceed the bytes that the file stores,
//            so mapping one cluster a million times is refused, and decompression multiplies only
//            by what the compression itself can (about 1000 for deflate)
#include "decompress.hpp"
#include "qcow2_tables.hpp"

#include <algorithm>
#include <bit>
#include <fmt/format.h>
#include <limits>

namespace karat::volumes {
namespace {

using namespace qcow2;

/// A stretch of the disk and where its bytes are in the file.
struct Piece {
    Stretch stretch;
    Cluster cluster;
    std::uint64_t host_offset = 0; ///< Of uncompressed data.
};

class Qcow2Reader final : public DiskReader {
public:
    Qcow2Reader(std::unique_ptr<File> file, Header const& header, Tables tables,
                Complaints complaints)
        : file_(std::move(file))
        , header_(header)
        , tables_(std::move(tables))
        , complaints_(std::move(complaints))
        , stored_(*file_)
    {
    }

    Result<void> count_stored()
    {
        allowance_bytes_ = TRY(stored_.stored_bytes());
        return {};
    }

    std::uint64_t size_bytes() const override { return header_.size_bytes; }

    Result<Stretch> next(std::uint64_t offset_bytes) override
    {
        VERIFY(offset_bytes < header_.size_bytes);
        auto const first = TRY(stored_piece(offset_bytes));
        auto all = first.stretch;
        // Not past the table: what one call may cost is bounded by one table.
        auto const limit =
            std::min(header_.size_bytes,
                     (offset_bytes / header_.bytes_per_table() + 1) * header_.bytes_per_table());
        TRY(charge(first));
        while (all.range.end_bytes() < limit) {
            auto const more = TRY(stored_piece(all.range.end_bytes()));
            if (more.stretch.kind != all.kind)
                break;
            TRY(charge(more));
            all.range.length_bytes += more.stretch.range.length_bytes;
        }
        return all;
    }

    Result<void> read(std::uint64_t offset_bytes, std::span<std::byte> into) override
    {
        VERIFY(into.size() <= header_.size_bytes &&
               offset_bytes <= header_.size_bytes - into.size());
        while (!into.empty()) {
            auto const piece = TRY(piece_at(offset_bytes, into.size()));
            auto const length = static_cast<std::size_t>(piece.stretch.range.length_bytes);
            TRY(read_piece(piece, into.first(length)));
            offset_bytes += length;
            into = into.subspan(length);
        }
        return {};
    }

private:
    /// The subclusters of one kind from `offset_bytes` on, inside one cluster; or a run of
    /// clusters without any entry.
    Result<Piece> subcluster_piece(std::uint64_t offset_bytes)
    {
        auto const cluster = TRY(tables_.find(offset_bytes, stored_));
        auto const cluster_start = offset_bytes / header_.cluster_bytes() * header_.cluster_bytes();
        auto const piece_to = [&](Kind kind, std::uint64_t end) {
            auto const length = std::min(end, header_.size_bytes) - offset_bytes;
            auto const host = cluster.host_offset + (offset_bytes - cluster_start);
            return Piece{{kind, {offset_bytes, length}}, cluster, host};
        };
        if (cluster.unallocated_run > 0)
            return piece_to(Kind::unallocated,
                            cluster_start + cluster.unallocated_run * header_.cluster_bytes());
        if (cluster.compressed)
            return piece_to(Kind::data, cluster_start + header_.cluster_bytes());
        auto const first = (offset_bytes - cluster_start) / header_.subcluster_bytes();
        auto const kind = kind_of(cluster, first);
        auto end = first + 1;
        while (end < header_.subclusters() && kind_of(cluster, end) == kind)
            ++end;
        return piece_to(kind, cluster_start + end * header_.subcluster_bytes());
    }

    static Kind kind_of(Cluster const& cluster, std::uint64_t subcluster)
    {
        if ((cluster.allocated >> subcluster & 1) != 0)
            return Kind::data;
        return (cluster.zero >> subcluster & 1) != 0 ? Kind::zero : Kind::unallocated;
    }

    /// As subcluster_piece(), data that follows in the file too joined, up to `limit_bytes`.
    Result<Piece> piece_at(std::uint64_t offset_bytes, std::uint64_t limit_bytes)
    {
        auto piece = TRY(subcluster_piece(offset_bytes));
        auto& length = piece.stretch.range.length_bytes;
        while (is_plain_data(piece) && length < limit_bytes) {
            auto const end = piece.stretch.range.end_bytes();
            if (end >= header_.size_bytes)
                break;
            auto const more = TRY(subcluster_piece(end));
            if (!is_plain_data(more) || more.host_offset != piece.host_offset + length)
                break;
            length += more.stretch.range.length_bytes;
        }
        length = std::min(length, limit_bytes);
        return piece;
    }

    /// As subcluster_piece(), but data that lies in a hole of the file is zero.
    Result<Piece> stored_piece(std::uint64_t offset_bytes)
    {
        auto piece = TRY(subcluster_piece(offset_bytes));
        if (!is_plain_data(piece))
            return piece;
        auto const held = TRY(stored_.at({piece.host_offset, piece.stretch.range.length_bytes}));
        piece.stretch.kind = held.kind;
        piece.stretch.range.length_bytes = held.range.length_bytes;
        return piece;
    }

    static bool is_plain_data(Piece const& piece)
    {
        return piece.stretch.kind == Kind::data && !piece.cluster.compressed;
    }

    Result<void> charge(Piece const& piece)
    {
        if (!is_plain_data(piece))
            return {}; // compressed clusters are charged what they consume, when they are read
        return charge(piece.stretch.range.length_bytes);
    }
    Result<void> charge(std::uint64_t length_bytes)
    {
        if (length_bytes > allowance_bytes_)
            return complaints_.damaged("it maps the same stored bytes more than once");
        allowance_bytes_ -= length_bytes;
        return {};
    }

    Result<void> read_piece(Piece const& piece, std::span<std::byte> into)
    {
        if (piece.stretch.kind != Kind::data) {
            std::fill(into.begin(), into.end(), std::byte{0});
            return {};
        }
        if (piece.cluster.compressed)
            return read_compressed(piece, into);
        auto const got = TRY(file_->read_at(piece.host_offset, into));
        std::fill(into.begin() + static_cast<std::ptrdiff_t>(got), into.end(), std::byte{0});
        return {};
    }

    Result<void> read_compressed(Piece const& piece, std::span<std::byte> into)
    {
        auto const offset = piece.stretch.range.offset_bytes;
        auto const within = offset % header_.cluster_bytes();
        if (plain_of_ != offset - within)
            TRY(decompress(piece.cluster, offset - within));
        auto const from = std::span(plain_).subspan(within, into.size());
        std::copy(from.begin(), from.end(), into.begin());
        return {};
    }

    Result<void> decompress(Cluster const& cluster, std::uint64_t cluster_start)
    {
        plain_of_ = kNone;
        packed_.resize(cluster.host_bytes);
        packed_.resize(TRY(file_->read_at(cluster.host_offset, packed_)));
        plain_.resize(header_.cluster_bytes());
        auto const consumed = header_.compression == kZstd ? unzstd_cluster(packed_, plain_)
                                                           : inflate_cluster(packed_, plain_);
        if (!consumed)
            return complaints_.damaged(fmt::format(
                "the compressed cluster at byte {} of its disk cannot be read", cluster_start));
        TRY(charge(*consumed));
        plain_of_ = cluster_start;
        return {};
    }

    static constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();

    std::unique_ptr<File> file_;
    Header header_;
    Tables tables_;
    Complaints complaints_;
    StoredMap stored_;
    std::uint64_t allowance_bytes_ = 0; ///< Stored bytes that may still be mapped.
    Bytes packed_;
    Bytes plain_;                    ///< A decompressed cluster,
    std::uint64_t plain_of_ = kNone; ///< which begins here in the disk.
};

} // namespace

Result<std::unique_ptr<DiskReader>> open_qcow2(std::unique_ptr<File> file, DiskName const& name,
                                               Trust trust)
{
    Complaints const complaints(name, trust, "qcow2");
    auto const header = TRY(read_header(*file, complaints));
    auto tables = TRY(Tables::open(*file, header, complaints, trust));
    auto reader =
        std::make_unique<Qcow2Reader>(std::move(file), header, std::move(tables), complaints);
    TRY(reader->count_stored());
    return std::unique_ptr<DiskReader>(std::move(reader));
}

} // namespace karat::volumes
