// SPDX-License-Identifier: Apache-2.0
// What the readers make of right files; hostile_test.cpp has the wrong ones.
#include "disk_reader.hpp"

#include "karat/memory_env.hpp"
#include "testing/qcow2_builder.hpp"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

namespace karat::volumes {
namespace {

using testing::Qcow2Builder;
using testing::Qcow2Shape;

std::unique_ptr<File> file_of(MemoryEnv& world, Bytes const& bytes)
{
    auto file = world.files.open("disk", Access::create).value();
    VERIFY(file->truncate(0).ok());
    VERIFY(file->write_at(0, bytes).ok());
    return file;
}

/// "data 0+65536 'a'", a line for each stretch; neighbours of one kind joined.
std::string map_of(DiskReader& reader)
{
    std::string text;
    std::optional<Stretch> last;
    auto const print = [&] {
        if (!last)
            return;
        std::string const kind = last->kind == Kind::data   ? "data"
                                 : last->kind == Kind::zero ? "zero"
                                                            : "none";
        text += kind + ' ' + std::to_string(last->range.offset_bytes) + '+' +
                std::to_string(last->range.length_bytes) + '\n';
    };
    for (std::uint64_t at = 0; at < reader.size_bytes();) {
        auto const stretch = reader.next(at).value();
        VERIFY(stretch.range.offset_bytes == at && stretch.range.length_bytes > 0);
        at = stretch.range.end_bytes();
        if (last && last->kind == stretch.kind) {
            last->range.length_bytes += stretch.range.length_bytes;
            continue;
        }
        print();
        last = stretch;
    }
    print();
    return text;
}

std::string read(DiskReader& reader, std::uint64_t offset, std::size_t length)
{
    std::string text(length, '?');
    VERIFY(reader.read(offset, std::as_writable_bytes(std::span(text))).ok());
    return text;
}

Bytes deflated(std::string_view text)
{
    z_stream stream = {};
    VERIFY(::deflateInit2(&stream, 9, Z_DEFLATED, -12, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    Bytes out(text.size() + 100);
    std::string copy(text);
    void* const from = copy.data();
    void* const into = out.data();
    stream.next_in = static_cast<Bytef*>(from);
    stream.avail_in = static_cast<uInt>(copy.size());
    stream.next_out = static_cast<Bytef*>(into);
    stream.avail_out = static_cast<uInt>(out.size());
    VERIFY(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(out.size() - stream.avail_out);
    ::deflateEnd(&stream);
    return out;
}

Bytes zstandard(std::string_view text)
{
    Bytes out(::ZSTD_compressBound(text.size()));
    out.resize(::ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
    return out;
}

TEST(Raw, TellsDataFromHoles)
{
    MemoryEnv world;
    Bytes bytes(5 * 4096 + 100);
    bytes[4096 + 7] = std::byte{'x'};
    bytes[5 * 4096 + 99] = std::byte{'y'};
    auto const reader = open_raw(file_of(world, bytes), "disk").value();
    EXPECT_EQ(map_of(*reader), "zero 0+4096\ndata 4096+4096\nzero 8192+12288\ndata 20480+100\n");
    EXPECT_EQ(read(*reader, 4096 + 6, 3), std::string("\0x\0", 3));
}

TEST(Raw, StaysRawWhateverItsBytesSay)
{
    MemoryEnv world;
    auto const bytes = Qcow2Builder().put64(qcow2::at::kBackingOffset, 512).bytes();
    auto const reader = open_raw(file_of(world, bytes), "disk").value();
    EXPECT_EQ(reader->size_bytes(), bytes.size());
    EXPECT_EQ(read(*reader, 0, 3), "QFI");
}

TEST(Qcow2, MapsStandardClustersOfBothVersions)
{
    for (std::uint32_t const version : {2u, 3u}) {
        MemoryEnv world;
        Qcow2Builder builder({.version = version, .size_bytes = (1 << 20) + 1536});
        auto const c = builder.cluster();
        builder.set_l2(0, builder.add_cluster('a') | qcow2::kCopied);
        builder.set_l2(1, builder.add_cluster('b'));
        builder.set_l2(3, version == 3 ? qcow2::kZeroFlag : 0);
        builder.set_l2(16, builder.add_cluster('c'));
        auto const reader =
            open_qcow2(file_of(world, builder.bytes()), "disk", Trust::stranger).value();
        EXPECT_EQ(map_of(*reader), version == 3
                                       ? "data 0+131072\nnone 131072+65536\nzero 196608+65536\n"
                                         "none 262144+786432\ndata 1048576+1536\n"
                                       : "data 0+131072\nnone 131072+917504\n"
                                         "data 1048576+1536\n");
        EXPECT_EQ(read(*reader, c - 2, 4), "aabb");
        EXPECT_EQ(read(*reader, 2 * c - 1, 3), std::string("b\0\0", 3));
        EXPECT_EQ(read(*reader, 16 * c + 1535, 1), "c");
    }
}

TEST(Qcow2, MapsSubclusters)
{
    MemoryEnv world;
    Qcow2Builder builder(
        {.cluster_bits = 17, .size_bytes = 4 << 20, .features = qcow2::kExtendedL2});
    // Subclusters 1 and 2 are stored, 4 is zero, 31 is stored; the second cluster is zero at 0.
    builder.set_l2(0, builder.add_cluster('s') | qcow2::kCopied,
                   0x80000006 | std::uint64_t{0x10} << 32);
    builder.set_l2(1, 0, std::uint64_t{1} << 32);
    auto const reader =
        open_qcow2(file_of(world, builder.bytes()), "disk", Trust::stranger).value();
    EXPECT_EQ(map_of(*reader), "none 0+4096\ndata 4096+8192\nnone 12288+4096\nzero 16384+4096\n"
                               "none 20480+106496\ndata 126976+4096\nzero 131072+4096\n"
                               "none 135168+4059136\n");
    EXPECT_EQ(read(*reader, 4095, 2), std::string("\0s", 2));
    EXPECT_EQ(read(*reader, 12287, 2), std::string("s\0", 2));
}

TEST(Qcow2, ReadsCompressedClusters)
{
    auto const text = [](std::string_view word) {
        std::string all;
        while (all.size() < 65536)
            all += word;
        return all.substr(0, 65536);
    };
    for (std::uint8_t const method : {qcow2::kZlib, qcow2::kZstd}) {
        MemoryEnv world;
        Qcow2Builder builder(
            {.features = method == 0 ? 0 : qcow2::kCompressionType, .compression = method});
        auto const pack = [&](std::string const& plain) {
            return method == 0 ? deflated(plain) : zstandard(plain);
        };
        // Two in one sector, as QEMU packs them.
        auto const one = pack(text("one "));
        auto const two = pack(text("zwei "));
        builder.set_l2(0, builder.compressed_entry(builder.add_bytes(one), one.size()));
        builder.set_l2(1, builder.compressed_entry(builder.add_bytes(two), two.size()));
        auto const reader =
            open_qcow2(file_of(world, builder.bytes()), "disk", Trust::stranger).value();
        EXPECT_EQ(map_of(*reader), "data 0+131072\nnone 131072+917504\n");
        EXPECT_EQ(read(*reader, 0, 65536), text("one "));
        EXPECT_EQ(read(*reader, 65536 + 5, 10), "zwei zwei ");
    }
}

TEST(Qcow2, TakesMappedHolesOfTheFileForZeroes)
{
    // As "preallocation=metadata" leaves them.
    MemoryEnv world;
    Qcow2Builder builder;
    builder.set_l2(0, builder.add_cluster('\0'));
    builder.set_l2(1, builder.add_cluster('x'));
    auto const reader =
        open_qcow2(file_of(world, builder.bytes()), "disk", Trust::stranger).value();
    EXPECT_EQ(map_of(*reader), "zero 0+65536\ndata 65536+65536\nnone 131072+917504\n");
}

TEST(Qcow2, ReadsWhatAHostCrashLeftOfAnOverlay)
{
    // The entry reached the disk, the data it maps did not, and neither was flushed by a guest.
    MemoryEnv world;
    Qcow2Builder builder({.features = qcow2::kDirty});
    builder.set_l2(0, builder.add_cluster('x'));
    builder.set_l2(1, 64 * builder.cluster());
    auto const reader = open_qcow2(file_of(world, builder.bytes()), "disk", Trust::own).value();
    EXPECT_EQ(map_of(*reader), "data 0+65536\nzero 65536+65536\nnone 131072+917504\n");
    EXPECT_EQ(read(*reader, 65535, 2), std::string("x\0", 2));
}

} // namespace
} // namespace karat::volumes
