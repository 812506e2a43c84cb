// SPDX-License-Identifier: Apache-2.0
// VHDX files that are wrong, on purpose or not, and the sentence that each is refused with.
#include "formats/crc32c.hpp"
#include "formats/vhdx_format.hpp"
#include "testing/spoilt.hpp"

#include <algorithm>

namespace karat::volumes {
namespace {

using testing::expect_golden;
using testing::kMiB;
using testing::outcomes;
using testing::sound;
using testing::Spoilt;

/// Makes the checksums of a VHDX right again.
void seal_vhdx(Spoilt& s)
{
    auto const seal = [&](std::size_t at, std::size_t length) {
        if (s.size() < at + length)
            return;
        auto const part = std::span(s.bytes).subspan(at, length);
        store_le(part, vhdx::kChecksum, std::uint32_t{0});
        store_le(part, vhdx::kChecksum, crc32c(part));
    };
    for (auto const at : vhdx::kHeaderAt)
        seal(at, vhdx::kHeaderBytes);
    for (auto const at : vhdx::kRegionsAt)
        seal(at, vhdx::kRegionsBytes);
}

constexpr std::size_t kHeader = 128 << 10; // the one that counts
constexpr std::size_t kRegions = 192 << 10;
constexpr std::size_t kTableEntry = kRegions + 16; // the region table's first
constexpr std::size_t kMetaEntry = kTableEntry + 32;
constexpr std::size_t kMeta = 2 << 20;
constexpr std::size_t kItems = kMeta + (64 << 10);
constexpr std::size_t kBlockTable = 3 << 20;

TEST(HostileVhdx, HeadersAreRefusedInOneSentence)
{
    namespace at = vhdx::at;
    namespace region = vhdx::region;
    expect_golden(
        "hostile_vhdx_headers",
        outcomes(
            sound(ImageForm::vhdx), Format::vhdx,
            {{"empty", [](auto& s) { s.bytes.clear(); }},
             {"signature only", [](auto& s) { s.bytes.resize(8); }},
             {"other signature", [](auto& s) { s.text(0, "vhdxfilf"); }},
             {"512 KiB", [](auto& s) { s.bytes.resize(512 << 10); }},
             {"no headers", [](auto& s) { s.text(kHeader, "x").text(64 << 10, "x"); }},
             {"version 2", [](auto& s) { s.le16(kHeader + at::kVersion, 2); }},
             {"log in use", [](auto& s) { s.le32(kHeader + at::kLogGuid, 1); }},
             {"log outside", [](auto& s) { s.le64(kHeader + at::kLogOffset, 1ULL << 40); }},
             {"log on the headers", [](auto& s) { s.le64(kHeader + at::kLogOffset, 0); }},
             {"log not at a MiB", [](auto& s) { s.le64(kHeader + at::kLogOffset, kMiB + 1); }},
             {"log on the metadata", [](auto& s) { s.le64(kHeader + at::kLogOffset, 2 * kMiB); }},
             {"log of 2^32-1", [](auto& s) { s.le32(kHeader + at::kLogLength, ~0U); }},
             {"no region tables", [](auto& s) { s.text(kRegions, "x").text(256 << 10, "x"); }},
             {"2048 regions", [](auto& s) { s.le32(kRegions + region::kCount, 2048); }},
             {"no regions", [](auto& s) { s.le32(kRegions + region::kCount, 0); }},
             {"one region", [](auto& s) { s.le32(kRegions + region::kCount, 1); }},
             {"unknown region", [](auto& s) { s.le32(kMetaEntry, 1); }},
             {"region twice",
              [](auto& s) {
                  std::copy_n(s.bytes.begin() + kTableEntry, 32, s.bytes.begin() + kMetaEntry);
              }},
             {"table outside", [](auto& s) { s.le64(kTableEntry + region::kOffset, 1ULL << 50); }},
             {"table on metadata", [](auto& s) { s.le64(kTableEntry + region::kOffset, 2 << 20); }},
             {"table of nothing", [](auto& s) { s.le32(kTableEntry + region::kLength, 0); }},
             {"metadata on headers", [](auto& s) { s.le64(kMetaEntry + region::kOffset, 0); }},
             {"metadata small", [](auto& s) { s.le32(kMetaEntry + region::kLength, 4096); }}},
            seal_vhdx));
}

TEST(HostileVhdx, ChecksumsAreChecked)
{
    expect_golden("hostile_vhdx_checksums",
                  outcomes(sound(ImageForm::vhdx), Format::vhdx,
                           {{"one header", [](auto& s) { s.le32(kHeader + 100, 1); }},
                            {"both headers",
                             [](auto& s) { s.le32(kHeader + 100, 1).le32((64 << 10) + 100, 1); }},
                            {"one region table", [](auto& s) { s.le32(kRegions + 4000, 1); }},
                            {"both region tables", [](auto& s) {
                                 s.le32(kRegions + 4000, 1).le32((256 << 10) + 4000, 1);
                             }}}));
}

TEST(HostileVhdx, MetadataAndBlocksAreRefusedInOneSentence)
{
    namespace item = vhdx::item;
    constexpr std::size_t kEntry = kMeta + item::kFirst; // of the file parameters
    expect_golden(
        "hostile_vhdx_metadata",
        outcomes(sound(ImageForm::vhdx), Format::vhdx,
                 {{"no signature", [](auto& s) { s.text(kMeta, "x"); }},
                  {"2048 items", [](auto& s) { s.le16(kMeta + item::kCount, 2048); }},
                  {"no items", [](auto& s) { s.le16(kMeta + item::kCount, 0); }},
                  {"unknown item", [](auto& s) { s.le32(kEntry, 1); }},
                  {"item outside", [](auto& s) { s.le32(kEntry + item::kOffset, ~0U); }},
                  {"item on the table", [](auto& s) { s.le32(kEntry + item::kOffset, 0); }},
                  {"item short", [](auto& s) { s.le32(kEntry + item::kLength, 4); }},
                  {"item twice",
                   [](auto& s) {
                       std::copy_n(s.bytes.begin() + kEntry, 32, s.bytes.begin() + kEntry + 32);
                   }},
                  {"has a parent", [](auto& s) { s.le32(kItems + 4, vhdx::kHasParent); }},
                  {"names a parent",
                   [](auto& s) {
                       for (std::size_t i = 0; i < 16; ++i)
                           s.bytes[kEntry + i] = std::byte{vhdx::guid::kParentLocator[i]};
                   }},
                  {"block of 0", [](auto& s) { s.le32(kItems, 0); }},
                  {"block of 3 MiB", [](auto& s) { s.le32(kItems, 3 << 20); }},
                  {"block of 512 MiB", [](auto& s) { s.le32(kItems, 512 << 20); }},
                  {"no bytes", [](auto& s) { s.le64(kItems + 8, 0); }},
                  {"over 64 TiB", [](auto& s) { s.le64(kItems + 8, (64ULL << 40) + 512); }},
                  {"half a sector", [](auto& s) { s.le64(kItems + 8, 40 * kMiB + 256); }},
                  {"more than its table", [](auto& s) { s.le64(kItems + 8, 1ULL << 42); }},
                  {"sectors of 520", [](auto& s) { s.le32(kItems + 32, 520); }},
                  {"state 4", [](auto& s) { s.le64(kBlockTable, 4); }},
                  {"partly there", [](auto& s) { s.le64(kBlockTable, 7); }},
                  {"reserved bits", [](auto& s) { s.le64(kBlockTable, (4 << 20) | 8 | 6); }},
                  {"block outside", [](auto& s) { s.le64(kBlockTable, ~0ULL << 20 | 6); }},
                  {"block on the table", [](auto& s) { s.le64(kBlockTable, (3 << 20) | 6); }},
                  {"block on the headers", [](auto& s) { s.le64(kBlockTable, 6); }},
                  {"one block for all",
                   [](auto& s) {
                       for (std::size_t i = 0; i < 20; ++i)
                           s.le64(kBlockTable + 8 * i, (4 << 20) | 6);
                   }},
                  {"zero block", [](auto& s) { s.le64(kBlockTable, 2); }},
                  {"cut", [](auto& s) { s.cut(1 << 20); }}},
                 seal_vhdx));
}

TEST(Crc32c, IsThatOfTheStandard)
{
    EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283U); // RFC 3720's check value
    EXPECT_EQ(crc32c(as_bytes("6789"), crc32c(as_bytes("12345"))), 0xe3069283U);
}

} // namespace
} // namespace karat::volumes
