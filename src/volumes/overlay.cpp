// SPDX-License-Identifier: Apache-2.0
// An empty overlay, in clusters of 128 KiB (qcow2_format.hpp has the numbers):
//
//   0   header: version 3, extended L2 entries, no backing file name
//   1   refcount table: its first entry points at cluster 2
//   2   refcount block: 1 for each cluster of this list
//   3…  L1 table, all zero: nothing is allocated (one cluster per 16 TiB)
//
// Only the non-zero bytes are written; the file is sparse.
#include "overlay.hpp"

#include "complaints.hpp"
#include "qcow2_format.hpp"

#include <fmt/format.h>

namespace karat::volumes {
namespace {

constexpr std::uint64_t kCluster = std::uint64_t{1} << qcow2::kOverlayClusterBits;
constexpr std::uint64_t kRefcountTableAt = 1 * kCluster;
constexpr std::uint64_t kRefcountBlockAt = 2 * kCluster;
constexpr std::uint64_t kL1At = 3 * kCluster;
constexpr std::uint64_t kBytesPerL1Entry = kCluster / (2 * sizeof(std::uint64_t)) * kCluster;

struct Shape {
    std::uint64_t size_bytes;
    std::uint32_t l1_entries;
    std::uint64_t clusters; ///< Of the whole file.
};

Shape shape_of(std::uint64_t size_bytes)
{
    auto const entries = (size_bytes + kBytesPerL1Entry - 1) / kBytesPerL1Entry;
    auto const l1_clusters = (entries * sizeof(std::uint64_t) + kCluster - 1) / kCluster;
    return {size_bytes, static_cast<std::uint32_t>(entries), kL1At / kCluster + l1_clusters};
}

Bytes header_of(Shape const& shape)
{
    Bytes bytes(qcow2::kHeaderBytesNew + qcow2::kExtensionHeadBytes); // the end extension is zeroes
    auto const put32 = [&](std::size_t at, std::uint32_t v) { store_be(bytes, at, v); };
    auto const put64 = [&](std::size_t at, std::uint64_t v) { store_be(bytes, at, v); };
    put32(qcow2::at::kMagic, qcow2::kMagic);
    put32(qcow2::at::kVersion, 3);
    put32(qcow2::at::kClusterBits, qcow2::kOverlayClusterBits);
    put64(qcow2::at::kSize, shape.size_bytes);
    put32(qcow2::at::kL1Entries, shape.l1_entries);
    put64(qcow2::at::kL1Offset, kL1At);
    put64(qcow2::at::kRefcountOffset, kRefcountTableAt);
    put32(qcow2::at::kRefcountClusters, 1);
    put64(qcow2::at::kIncompatible, qcow2::kExtendedL2);
    put32(qcow2::at::kRefcountOrder, qcow2::kOverlayRefcountOrder);
    put32(qcow2::at::kHeaderLength, qcow2::kHeaderBytesNew);
    return bytes;
}

Result<void> write_overlay(File& file, Shape const& shape)
{
    auto const header = header_of(shape);
    TRY(file.write_at(0, header));
    Bytes table(sizeof(std::uint64_t));
    store_be(table, 0, kRefcountBlockAt);
    TRY(file.write_at(kRefcountTableAt, table));
    Bytes counts(shape.clusters * sizeof(std::uint16_t));
    for (std::size_t i = 0; i < shape.clusters; ++i)
        store_be(counts, i * sizeof(std::uint16_t), std::uint16_t{1});
    TRY(file.write_at(kRefcountBlockAt, counts));
    TRY(file.truncate(shape.clusters * kCluster));
    return file.sync_data();
}

std::string directory_of(std::string const& path)
{
    auto const slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash);
}

} // namespace

std::string unfinished_name(std::string const& path) { return path + ".new"; }

Result<void> make_overlay(Files& files, std::string const& path, std::uint64_t size_bytes)
{
    if (size_bytes == 0 || size_bytes > kMaxDiskBytes || size_bytes % 4096 != 0)
        return fail(Fault::invalid,
                    fmt::format("A volume of {} bytes cannot be made: the size must be a multiple "
                                "of 4096 bytes from 4096 bytes to 64 TiB",
                                size_bytes));
    auto const unfinished = unfinished_name(path);
    TRY(files.remove(unfinished)); // of a call that a crash cut short
    auto const file = TRY(files.open(unfinished, Access::create_new));
    auto written = write_overlay(*file, shape_of(size_bytes));
    if (written.ok())
        written = files.rename(unfinished, path);
    if (!written.ok()) {
        (void)files.remove(unfinished).ok(); // the first failure is the one to tell
        return written;
    }
    return files.sync_dir(directory_of(path));
}

} // namespace karat::volumes
