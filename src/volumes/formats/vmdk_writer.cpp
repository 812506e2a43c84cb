// SPDX-License-Identifier: Apache-2.0
// VMDK files (vmdk_format.hpp has the numbers), grains of 64 KiB. In sectors:
//
//   sparse  0 header, 1 descriptor, 21 spare directory and tables, directory and tables; grains
//   stream  0 header, 1 descriptor, 128 packed grains, a table after the grains that it names,
//           directory, footer, end
#include "formats/vmdk_format.hpp"
#include "formats/writers.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <zlib.h>

namespace karat::volumes {
namespace {

using namespace vmdk;

constexpr std::uint64_t kGrainSectors = 128;
constexpr std::uint64_t kGrainBytes = kGrainSectors * kSectorBytes;
constexpr std::uint64_t kDescriptorAt = 1;
constexpr std::uint64_t kDescriptorSectors = 20;
constexpr std::uint64_t kTableSectors = kTableBytes / kSectorBytes;
constexpr std::uint64_t kMaxSectors = ~std::uint32_t{0}; // places have 32 bits
constexpr int kSpeed = 1;                                // of zlib: the fastest

std::uint64_t sectors_for(std::uint64_t bytes) { return (bytes + kSectorBytes - 1) / kSectorBytes; }

std::uint64_t tables_of(DiskSource const& source)
{
    constexpr auto kPerTable = kTableEntries * kGrainBytes;
    return (source.size_bytes() + kPerTable - 1) / kPerTable;
}

Result<void> check_size(DiskSource const& source)
{
    // The tables and a file without any hole must be addressable too.
    if (source.size_bytes() / kSectorBytes > kMaxSectors / 64 * 63)
        return fail(Fault::invalid,
                    fmt::format("A disk of {} bytes does not fit into a VMDK file, which ends at "
                                "2 TiB; use qcow2 or vhdx",
                                source.size_bytes()));
    return {};
}

Bytes descriptor_of(DiskSource const& source, std::string_view type, std::string const& name)
{
    auto const sectors = source.size_bytes() / kSectorBytes;
    auto const text = fmt::format(
        "# Disk DescriptorFile\nversion=1\nCID={:08x}\nparentCID=ffffffff\ncreateType=\"{}\"\n\n"
        "# Extent description\nRW {} SPARSE \"{}\"\n\n"
        "# The Disk Data Base\n#DDB\n\nddb.virtualHWVersion = \"4\"\n"
        "ddb.geometry.cylinders = \"{}\"\nddb.geometry.heads = \"255\"\n"
        "ddb.geometry.sectors = \"63\"\nddb.adapterType = \"lsilogic\"\n",
        load_be<std::uint32_t>(source.root().bytes, 0) & 0x7fffffff, type, sectors, name,
        std::clamp<std::uint64_t>(sectors / (255 * 63), 1, 65535));
    Bytes bytes(kDescriptorSectors * kSectorBytes);
    store_text(bytes, 0, text);
    return bytes;
}

struct Places {
    std::uint64_t spare = 0;
    std::uint64_t directory = 0;
    std::uint64_t overhead = 0;
};

Bytes header_of(DiskSource const& source, bool stream, Places const& places)
{
    Bytes bytes(kSectorBytes);
    store_le(bytes, at::kMagic, kMagic);
    store_le(bytes, at::kVersion, std::uint32_t{stream ? 3U : 1U});
    store_le(bytes, at::kFlags, kNewlineTest | (stream ? kPacked | kMarkers : kSpareTables));
    store_le(bytes, at::kCapacity, source.size_bytes() / kSectorBytes);
    store_le(bytes, at::kGrain, kGrainSectors);
    store_le(bytes, at::kDescriptor, kDescriptorAt);
    store_le(bytes, at::kDescriptorSectors, kDescriptorSectors);
    store_le(bytes, at::kTableEntries, kTableEntries);
    store_le(bytes, at::kSpareDirectory, places.spare);
    store_le(bytes, at::kDirectory, places.directory);
    store_le(bytes, at::kOverhead, places.overhead);
    store_text(bytes, at::kNewlines, kNewlines);
    store_le(bytes, at::kCompression, stream ? kDeflate : std::uint16_t{0});
    return bytes;
}

class SparseWriter {
public:
    SparseWriter(DiskSource& source, File& file)
        : source_(source)
        , file_(file)
        , table_(kTableBytes)
    {
        auto const count = tables_of(source);
        auto const directory_sectors = sectors_for(count * sizeof(std::uint32_t));
        places_.spare = kDescriptorAt + kDescriptorSectors;
        places_.directory = places_.spare + directory_sectors + count * kTableSectors;
        tables_at_ = {places_.spare + directory_sectors, places_.directory + directory_sectors};
        auto const end = places_.directory + directory_sectors + count * kTableSectors;
        places_.overhead = (end + kGrainSectors - 1) / kGrainSectors * kGrainSectors;
        next_ = places_.overhead;
    }

    Result<void> run(std::string const& name)
    {
        TRY(write_directories());
        TRY(source_.each_unit(kGrainBytes,
                              [this](std::uint64_t unit, std::span<std::byte const> bytes) {
                                  return add(unit, bytes);
                              }));
        TRY(finish_table());
        TRY(file_.write_at(kDescriptorAt * kSectorBytes,
                           descriptor_of(source_, "monolithicSparse", name)));
        TRY(file_.write_at(0, header_of(source_, false, places_)));
        return file_.truncate(next_ * kSectorBytes);
    }

private:
    Result<void> write_directories()
    {
        auto const count = tables_of(source_);
        for (auto const first : {tables_at_.spare, tables_at_.main}) {
            Bytes directory(count * sizeof(std::uint32_t));
            for (std::uint64_t i = 0; i < count; ++i)
                store_le(directory, i * sizeof(std::uint32_t),
                         static_cast<std::uint32_t>(first + i * kTableSectors));
            auto const place = first == tables_at_.spare ? places_.spare : places_.directory;
            TRY(file_.write_at(place * kSectorBytes, directory));
        }
        return {};
    }

    Result<void> add(std::uint64_t unit, std::span<std::byte const> bytes)
    {
        if (unit / kTableEntries != table_index_)
            TRY(finish_table());
        table_index_ = unit / kTableEntries;
        store_le(table_, unit % kTableEntries * sizeof(std::uint32_t),
                 static_cast<std::uint32_t>(next_));
        table_used_ = true;
        auto const host = next_ * kSectorBytes;
        next_ += kGrainSectors;
        return write_sparse(file_, host, bytes);
    }

    Result<void> finish_table()
    {
        if (!table_used_)
            return {};
        for (auto const first : {tables_at_.spare, tables_at_.main})
            TRY(file_.write_at((first + table_index_ * kTableSectors) * kSectorBytes, table_));
        std::fill(table_.begin(), table_.end(), std::byte{0});
        table_used_ = false;
        return {};
    }

    DiskSource& source_;
    File& file_;
    Places places_;
    struct {
        std::uint64_t spare = 0;
        std::uint64_t main = 0;
    } tables_at_; ///< The first table of each directory.
    Bytes table_;
    std::uint64_t table_index_ = 0;
    bool table_used_ = false;
    std::uint64_t next_ = 0; ///< The sector of the next grain.
};

class StreamWriter {
public:
    StreamWriter(DiskSource& source, StreamOut& out)
        : source_(source)
        , out_(out)
        , directory_(tables_of(source) * sizeof(std::uint32_t))
        , table_(kTableBytes)
    {
    }

    Result<void> run(std::string const& name)
    {
        Places places{.directory = kDirectoryAtEnd, .overhead = kGrainSectors};
        TRY(out_.write(header_of(source_, true, places)));
        TRY(out_.write(descriptor_of(source_, "streamOptimized", name)));
        TRY(out_.write(Bytes((kGrainSectors - kDescriptorAt - kDescriptorSectors) * kSectorBytes)));
        TRY(source_.each_unit(kGrainBytes,
                              [this](std::uint64_t unit, std::span<std::byte const> bytes) {
                                  return add(unit, bytes);
                              }));
        TRY(finish_table());
        TRY(mark(marker::kDirectory, sectors_for(directory_.size())));
        places.directory = out_.length_bytes() / kSectorBytes;
        directory_.resize(sectors_for(directory_.size()) * kSectorBytes);
        TRY(out_.write(directory_));
        TRY(mark(marker::kFooter, 1));
        TRY(out_.write(header_of(source_, true, places)));
        return mark(marker::kEndOfStream, 0);
    }

private:
    Result<void> mark(std::uint32_t type, std::uint64_t sectors)
    {
        Bytes bytes(kSectorBytes);
        store_le(bytes, marker::kValue, sectors);
        store_le(bytes, marker::kType, type);
        return out_.write(bytes);
    }

    Result<void> add(std::uint64_t unit, std::span<std::byte const> bytes)
    {
        if (unit / kTableEntries != table_index_)
            TRY(finish_table());
        table_index_ = unit / kTableEntries;
        store_le(table_, unit % kTableEntries * sizeof(std::uint32_t),
                 static_cast<std::uint32_t>(out_.length_bytes() / kSectorBytes));
        table_used_ = true;
        plain_.assign(bytes.begin(), bytes.end());
        plain_.resize(kGrainBytes); // a grain is whole, also where the disk ends
        auto length = ::compressBound(static_cast<uLong>(plain_.size()));
        packed_.assign(marker::kGrainHeadBytes + length, std::byte{0});
        void* const into = packed_.data() + marker::kGrainHeadBytes;
        void const* const from = plain_.data();
        auto const outcome =
            ::compress2(static_cast<Bytef*>(into), &length, static_cast<Bytef const*>(from),
                        static_cast<uLong>(plain_.size()), kSpeed);
        if (outcome != Z_OK)
            return fail(Fault::exhausted, "There is no memory to compress a grain with");
        store_le(packed_, marker::kValue, unit * kGrainSectors);
        store_le(packed_, marker::kSize, static_cast<std::uint32_t>(length));
        packed_.resize(marker::kGrainHeadBytes + length);
        packed_.resize(sectors_for(packed_.size()) * kSectorBytes);
        return out_.write(packed_);
    }

    Result<void> finish_table()
    {
        if (!table_used_)
            return {};
        TRY(mark(marker::kTable, kTableSectors));
        store_le(directory_, table_index_ * sizeof(std::uint32_t),
                 static_cast<std::uint32_t>(out_.length_bytes() / kSectorBytes));
        TRY(out_.write(table_));
        std::fill(table_.begin(), table_.end(), std::byte{0});
        table_used_ = false;
        return {};
    }

    DiskSource& source_;
    StreamOut& out_;
    Bytes directory_;
    Bytes table_;
    std::uint64_t table_index_ = 0;
    bool table_used_ = false;
    Bytes plain_;
    Bytes packed_;
};

} // namespace

Result<void> write_vmdk_sparse(DiskSource& source, File& file, std::string const& name)
{
    TRY(check_size(source));
    return SparseWriter(source, file).run(name);
}

Result<void> write_vmdk_stream(DiskSource& source, StreamOut& out, std::string const& name)
{
    TRY(check_size(source));
    return StreamWriter(source, out).run(name);
}

} // namespace karat::volumes
