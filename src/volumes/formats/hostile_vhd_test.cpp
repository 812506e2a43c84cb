// SPDX-License-Identifier: Apache-2.0
// VHD files that are wrong, on purpose or not, and the sentence that each is refused with.
#include "formats/vhd_format.hpp"
#include "testing/spoilt.hpp"

#include <algorithm>

namespace karat::volumes {
namespace {

using testing::expect_golden;
using testing::kMiB;
using testing::outcomes;
using testing::sound;
using testing::Spoilt;

/// Makes the checksums of a VHD right again, where its headers are.
void seal_vhd(Spoilt& s)
{
    if (s.size() < 2048)
        return;
    auto const seal = [&](std::size_t at, std::size_t length, std::size_t field) {
        auto const part = std::span(s.bytes).subspan(at, length);
        store_be(part, field, vhd::checksum(part, field));
    };
    if (as_text(s.bytes).starts_with(vhd::kFooterCookie)) {
        seal(0, vhd::kFooterBytes, vhd::at::kChecksum);
        seal(vhd::kFooterBytes, vhd::kDynamicBytes, vhd::dynamic::kChecksum);
    }
    seal(s.size() - vhd::kFooterBytes, vhd::kFooterBytes, vhd::at::kChecksum);
}

/// Changes footer and copy alike.
void in_both(Spoilt& s, std::size_t at, std::uint32_t value)
{
    s.be32(at, value).be32(s.size() - vhd::kFooterBytes + at, value);
}

TEST(HostileVhd, FootersAreRefusedInOneSentence)
{
    namespace at = vhd::at;
    expect_golden(
        "hostile_vhd_footers",
        outcomes(sound(ImageForm::vhd), Format::vhd,
                 {{"empty", [](auto& s) { s.bytes.clear(); }},
                  {"511 bytes", [](auto& s) { s.bytes.resize(511); }},
                  {"no footer", [](auto& s) { s.cut(512); }},
                  {"footer half there", [](auto& s) { s.cut(256); }},
                  {"version 2", [](auto& s) { in_both(s, at::kVersion, 0x20000); }},
                  {"differencing", [](auto& s) { in_both(s, at::kType, vhd::kDifferencing); }},
                  {"type 0", [](auto& s) { in_both(s, at::kType, 0); }},
                  {"type 7", [](auto& s) { in_both(s, at::kType, 7); }},
                  {"no bytes",
                   [](auto& s) {
                       in_both(s, at::kSize, 0);
                       in_both(s, at::kSize + 4, 0);
                   }},
                  {"half a sector", [](auto& s) { in_both(s, at::kSize + 4, 40 * kMiB + 256); }},
                  {"all bytes", [](auto& s) { in_both(s, at::kSize, ~0U); }},
                  {"over 2040 GiB", [](auto& s) { in_both(s, at::kSize, 0x1fe); }},
                  {"copy says otherwise", [](auto& s) { s.be32(at::kSize + 4, 512); }},
                  {"header on the copy", [](auto& s) { in_both(s, at::kDynamic + 4, 256); }},
                  {"header outside", [](auto& s) { in_both(s, at::kDynamic, 1); }},
                  {"header nowhere",
                   [](auto& s) {
                       in_both(s, at::kDynamic, ~0U);
                       in_both(s, at::kDynamic + 4, ~0U);
                   }}},
                 seal_vhd));
}

TEST(HostileVhd, ChecksumsAreChecked)
{
    expect_golden("hostile_vhd_checksums",
                  outcomes(sound(ImageForm::vhd), Format::vhd,
                           {{"footer", [](auto& s) { s.be32(s.size() - 400, 1); }},
                            {"dynamic header", [](auto& s) { s.be32(512 + 200, 1); }},
                            {"copy", [](auto& s) { s.be32(40, 1); }}}));
}

TEST(HostileVhd, BlocksAreRefusedInOneSentence)
{
    namespace dynamic = vhd::dynamic;
    constexpr std::size_t kHeader = vhd::kFooterBytes;
    constexpr std::size_t kTable = 1536;
    expect_golden(
        "hostile_vhd_blocks",
        outcomes(
            sound(ImageForm::vhd), Format::vhd,
            {{"no cookie", [](auto& s) { s.text(kHeader, "cxsparsf"); }},
             {"header version 2", [](auto& s) { s.be32(kHeader + dynamic::kVersion, 0x20000); }},
             {"block of 0", [](auto& s) { s.be32(kHeader + dynamic::kBlockBytes, 0); }},
             {"block of 3 MiB", [](auto& s) { s.be32(kHeader + dynamic::kBlockBytes, 3 << 20); }},
             {"block of 2 KiB", [](auto& s) { s.be32(kHeader + dynamic::kBlockBytes, 2048); }},
             {"block of 2 GiB", [](auto& s) { s.be32(kHeader + dynamic::kBlockBytes, 1U << 31); }},
             {"table short", [](auto& s) { s.be32(kHeader + dynamic::kEntries, 19); }},
             {"table outside", [](auto& s) { s.be32(kHeader + dynamic::kTable, 1); }},
             {"table far outside", [](auto& s) { s.be64(kHeader + dynamic::kTable, ~0ULL - 3); }},
             {"table on the copy", [](auto& s) { s.be64(kHeader + dynamic::kTable, 0); }},
             {"table on its header", [](auto& s) { s.be64(kHeader + dynamic::kTable, 1024); }},
             {"block outside", [](auto& s) { s.be32(kTable, ~1U); }},
             {"block on the copy", [](auto& s) { s.be32(kTable, 0); }},
             {"block on the table", [](auto& s) { s.be32(kTable, 3); }},
             {"block half outside",
              [](auto& s) { s.be32(kTable, static_cast<std::uint32_t>(s.size() / 512 - 100)); }},
             {"one block for all",
              [](auto& s) {
                  for (std::size_t i = 0; i < 20; ++i)
                      s.be32(kTable + 4 * i, 7);
              }},
             {"nothing in the bitmap",
              [](auto& s) { std::fill_n(s.bytes.begin() + 3584, 512, std::byte{0}); }}},
            seal_vhd));
}

TEST(HostileVhd, AFixedDiskMustBeWhole)
{
    auto const cut = [](auto& s) { s.bytes.erase(s.bytes.begin(), s.bytes.begin() + 4096); };
    expect_golden("hostile_vhd_fixed", outcomes(sound(ImageForm::vhd_fixed), Format::vhd,
                                                {{"a block is missing", cut}}, seal_vhd));
}

} // namespace
} // namespace karat::volumes
