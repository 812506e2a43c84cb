// SPDX-License-Identifier: Apache-2.0
// Disk images that are wrong, on purpose or not, and the exact sentence that each is refused with.
#include "disk_reader.hpp"

#include "testing/hostile.hpp"
#include "testing/qcow2_builder.hpp"

namespace karat::volumes {
namespace {

using testing::expect_golden;
using testing::Qcow2Builder;
using testing::Qcow2Shape;
namespace at = qcow2::at;

constexpr std::uint64_t kCluster = 65536;
constexpr Qcow2Shape kSmall{};
constexpr Qcow2Shape kVersion2{.version = 2};
constexpr Qcow2Shape kSub{.features = qcow2::kExtendedL2};
constexpr Qcow2Shape kTwoTables{.size_bytes = std::uint64_t{1} << 30};
constexpr Qcow2Shape kZstd{.features = qcow2::kCompressionType, .compression = 1};

struct Hostile {
    std::string name;
    Qcow2Shape shape;
    std::function<void(Qcow2Builder&)> spoil;
};

Result<std::uint64_t> read_all(Bytes const& bytes, Trust trust = Trust::stranger)
{
    return testing::read_all(bytes, [trust](std::unique_ptr<File> file) {
        return open_qcow2(std::move(file), "disk.qcow2", trust);
    });
}

std::string outcome(Hostile const& hostile)
{
    Qcow2Builder builder(hostile.shape);
    hostile.spoil(builder);
    return testing::line_of(hostile.name, read_all(builder.bytes()));
}

std::string outcomes(std::vector<Hostile> const& all)
{
    std::string text;
    for (auto const& hostile : all)
        text += outcome(hostile);
    return text;
}

TEST(Hostile, HeadersAreRefusedInOneSentence)
{
    expect_golden(
        "hostile_headers",
        outcomes(
            {{"empty", kSmall, [](auto& b) { b.resize(0); }},
             {"magic", kSmall, [](auto& b) { b.put32(at::kMagic, 0x4b444d56); }},
             {"magic only", kSmall, [](auto& b) { b.resize(4); }},
             {"71 bytes", kSmall, [](auto& b) { b.resize(71); }},
             {"72 bytes", kSmall, [](auto& b) { b.resize(72); }},
             {"version 1", kSmall, [](auto& b) { b.put32(at::kVersion, 1); }},
             {"version 4", kSmall, [](auto& b) { b.put32(at::kVersion, 4); }},
             {"backing file", kSmall,
              [](auto& b) { b.put64(at::kBackingOffset, 512).put32(at::kBackingLength, 11); }},
             {"backing file, version 2", kVersion2,
              [](auto& b) { b.put64(at::kBackingOffset, 72); }},
             {"data file", kSmall, [](auto& b) { b.put64(at::kIncompatible, qcow2::kDataFile); }},
             {"data file named", kSmall,
              [](auto& b) { b.put32(112, qcow2::kExtensionDataFile).put32(116, 8); }},
             {"AES", kSmall, [](auto& b) { b.put32(at::kEncryption, 1); }},
             {"LUKS", kSmall, [](auto& b) { b.put32(at::kEncryption, 2); }},
             {"LUKS header", kVersion2,
              [](auto& b) { b.put32(72, qcow2::kExtensionEncryption).put32(76, 16); }},
             {"feature 5", kSmall, [](auto& b) { b.put64(at::kIncompatible, 1 << 5); }},
             {"feature 63", kSmall,
              [](auto& b) { b.put64(at::kIncompatible, std::uint64_t{1} << 63); }},
             {"corrupt", kSmall, [](auto& b) { b.put64(at::kIncompatible, qcow2::kCorrupt); }},
             {"cluster 2^8", kSmall, [](auto& b) { b.put32(at::kClusterBits, 8); }},
             {"cluster 2^22", kSmall, [](auto& b) { b.put32(at::kClusterBits, 22); }},
             {"cluster 2^64", kSmall, [](auto& b) { b.put32(at::kClusterBits, 64); }},
             {"small for subclusters", kSmall,
              [](auto& b) {
                  b.put32(at::kClusterBits, 13).put64(at::kIncompatible, qcow2::kExtendedL2);
              }},
             {"no bytes", kSmall, [](auto& b) { b.put64(at::kSize, 0); }},
             {"over 64 TiB", kSmall,
              [](auto& b) { b.put64(at::kSize, (std::uint64_t{64} << 40) + 1); }},
             {"all bytes", kSmall, [](auto& b) { b.put64(at::kSize, ~std::uint64_t{0}); }}}));
}

TEST(Hostile, HeadersOfVersion3AreRefusedInOneSentence)
{
    expect_golden(
        "hostile_headers_3",
        outcomes(
            {{"header of 96", kSmall, [](auto& b) { b.put32(at::kHeaderLength, 96); }},
             {"header of 105", kSmall, [](auto& b) { b.put32(at::kHeaderLength, 105); }},
             {"header of a cluster and more", kSmall,
              [](auto& b) { b.put32(at::kHeaderLength, 65544); }},
             {"refcounts of 2^7", kSmall, [](auto& b) { b.put32(at::kRefcountOrder, 7); }},
             {"zlib announced as other", kSmall,
              [](auto& b) { b.put64(at::kIncompatible, qcow2::kCompressionType); }},
             {"zstd not announced", kSmall, [](auto& b) { b.put32(at::kCompression, 0x01000000); }},
             {"compression 2", kZstd, [](auto& b) { b.put32(at::kCompression, 0x02000000); }},
             {"a feature with a name", kSmall,
              [](auto& b) {
                  b.put64(at::kIncompatible, 1 << 5).put32(112, qcow2::kExtensionFeatures);
                  b.put32(116, 48).put32(120, 0x00057a6f).put32(124, 0x6e656400);
              }},
             {"extension too long", kSmall,
              [](auto& b) { b.put32(112, 0x12345678).put32(116, 65536); }},
             {"extension of 2^32-1", kSmall,
              [](auto& b) { b.put32(112, 0x12345678).put32(116, ~0u); }}}));
}

TEST(Hostile, TablePlacesAreRefusedInOneSentence)
{
    expect_golden(
        "hostile_places",
        outcomes({
            {"L1 short", kTwoTables, [](auto& b) { b.put32(at::kL1Entries, 1); }},
            {"L1 none", kSmall, [](auto& b) { b.put32(at::kL1Entries, 0); }},
            {"L1 huge", kSmall, [](auto& b) { b.put32(at::kL1Entries, (1 << 20) + 1); }},
            {"L1 unaligned", kSmall, [](auto& b) { b.put64(at::kL1Offset, 2 * kCluster + 512); }},
            {"L1 on the header", kSmall, [](auto& b) { b.put64(at::kL1Offset, 0); }},
            {"L1 outside", kSmall, [](auto& b) { b.put64(at::kL1Offset, 64 * kCluster); }},
            {"L1 far outside", kSmall, [](auto& b) { b.put64(at::kL1Offset, ~(kCluster - 1)); }},
            {"L1 half outside", kSmall,
             [](auto& b) { b.put64(at::kL1Offset, 3 * kCluster).put32(at::kL1Entries, 8193); }},
            {"L1 on refcounts", kSmall, [](auto& b) { b.put64(at::kL1Offset, kCluster); }},
            {"refcounts none", kSmall, [](auto& b) { b.put32(at::kRefcountClusters, 0); }},
            {"refcounts huge", kSmall, [](auto& b) { b.put32(at::kRefcountClusters, ~0u); }},
            {"refcounts unaligned", kSmall, [](auto& b) { b.put64(at::kRefcountOffset, 1); }},
            {"refcounts on the header", kSmall, [](auto& b) { b.put64(at::kRefcountOffset, 0); }},
            {"refcounts outside", kSmall,
             [](auto& b) { b.put64(at::kRefcountOffset, 4 * kCluster); }},
        }));
}

TEST(Hostile, TablesAreRefusedInOneSentence)
{
    expect_golden(
        "hostile_tables",
        outcomes({{"L1 reserved low", kSmall, [](auto& b) { b.set_l1(0, 3 * kCluster | 1); }},
                  {"L1 reserved high", kSmall,
                   [](auto& b) { b.set_l1(0, 3 * kCluster | std::uint64_t{1} << 56); }},
                  {"L1 to the header", kSmall, [](auto& b) { b.set_l1(0, qcow2::kCopied); }},
                  {"L1 to no cluster", kSmall, [](auto& b) { b.set_l1(0, 3 * kCluster + 512); }},
                  {"L2 outside", kSmall, [](auto& b) { b.set_l1(0, 4 * kCluster); }},
                  {"L2 half outside", kSmall, [](auto& b) { b.resize(4 * kCluster - 1); }},
                  {"L2 on L1", kSmall, [](auto& b) { b.set_l1(0, 2 * kCluster); }},
                  {"L2 on refcounts", kSmall, [](auto& b) { b.set_l1(0, kCluster); }},
                  {"L2 twice", kTwoTables, [](auto& b) { b.set_l1(1, 3 * kCluster); }}}));
}

TEST(Hostile, EntriesAreRefusedInOneSentence)
{
    expect_golden(
        "hostile_entries",
        outcomes({
            {"reserved low", kSmall, [](auto& b) { b.set_l2(0, b.add_cluster('x') | 2); }},
            {"reserved high", kSmall,
             [](auto& b) { b.set_l2(0, b.add_cluster('x') | std::uint64_t{1} << 61); }},
            {"zero flag in version 2", kVersion2, [](auto& b) { b.set_l2(0, 1); }},
            {"zero flag with subclusters", kSub,
             [](auto& b) { b.set_l2(0, b.add_cluster('x') | 1); }},
            {"to the header", kSmall, [](auto& b) { b.set_l2(0, qcow2::kCopied); }},
            {"subclusters of the header", kSub, [](auto& b) { b.set_l2(0, 0, 1); }},
            {"stored and zero", kSub,
             [](auto& b) { b.set_l2(0, b.add_cluster('x'), std::uint64_t{1} << 32 | 1); }},
            {"to no cluster", kSmall, [](auto& b) { b.set_l2(0, b.add_cluster('x') - 512); }},
            {"to its L2", kSmall, [](auto& b) { b.set_l2(0, 3 * kCluster); }},
            {"to the L1", kSmall, [](auto& b) { b.set_l2(0, 2 * kCluster); }},
            {"to refcounts", kSmall, [](auto& b) { b.set_l2(0, kCluster); }},
            {"outside", kSmall, [](auto& b) { b.set_l2(0, 4 * kCluster); }},
            {"far outside", kSmall, [](auto& b) { b.set_l2(0, qcow2::kMaxHostOffset - kCluster); }},
            {"half outside", kSmall,
             [](auto& b) { b.set_l2(0, b.add_cluster('x')).resize(5 * kCluster - 512); }},
            {"one cluster for all", kSmall,
             [](auto& b) {
                 auto const c = b.add_cluster('x');
                 for (std::size_t i = 0; i < 16; ++i)
                     b.set_l2(i, c);
             }},
            {"compressed outside", kSmall,
             [](auto& b) { b.set_l2(0, b.compressed_entry(5 * kCluster, 512)); }},
            {"compressed reserved",
             {.cluster_bits = 9, .size_bytes = 4096},
             [](auto& b) { b.set_l2(0, qcow2::kCompressed | qcow2::kMaxHostOffset); }},
            {"not deflate", kSmall,
             [](auto& b) { b.set_l2(0, b.compressed_entry(b.add_cluster('\xff'), 4096)); }},
            {"deflate cut", kSmall,
             [](auto& b) { b.set_l2(0, b.compressed_entry(b.add_bytes(Bytes(2)), 2)); }},
            {"not zstd", kZstd,
             [](auto& b) { b.set_l2(0, b.compressed_entry(b.add_cluster('x'), 4096)); }},
        }));
}

TEST(Hostile, DamageOfOurOwnOverlaysIsCorruption)
{
    auto const read = read_all(Qcow2Builder().set_l1(0, 2 * kCluster).bytes(), Trust::own);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().fault, Fault::corrupt);
}

TEST(Hostile, ADirtyFileIsRead)
{
    // Only its reference counts may be stale, and they are not looked at.
    Qcow2Builder builder({.features = qcow2::kDirty});
    builder.set_l2(0, builder.add_cluster('x'));
    EXPECT_EQ(read_all(builder.bytes()).value(), kCluster);
}

} // namespace
} // namespace karat::volumes
