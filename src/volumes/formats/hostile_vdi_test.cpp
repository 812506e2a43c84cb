// SPDX-License-Identifier: Apache-2.0
// VDI files that are wrong, on purpose or not, and the sentence that each is refused with.
#include "testing/variants.hpp"

namespace karat::volumes {
namespace {

using testing::expect_golden;
using testing::kMiB;
using testing::outcomes;
using testing::sound_vdi;

TEST(HostileVdi, FilesAreRefusedInOneSentence)
{
    namespace at = vdi::at;
    constexpr std::size_t kMap = 512;
    expect_golden(
        "hostile_vdi",
        outcomes(sound_vdi(), Format::vdi,
                 {{"empty", [](auto& s) { s.bytes.clear(); }},
                  {"half a header", [](auto& s) { s.bytes.resize(256); }},
                  {"other signature", [](auto& s) { s.le32(at::kSignature, 1); }},
                  {"version 0.1", [](auto& s) { s.le32(at::kVersion, 1); }},
                  {"differencing", [](auto& s) { s.le32(at::kType, 4); }},
                  {"has a parent", [](auto& s) { s.le32(at::kParent + 4, 1); }},
                  {"sectors of 4096", [](auto& s) { s.le32(at::kSectorBytes, 4096); }},
                  {"block of 0", [](auto& s) { s.le32(at::kBlockBytes, 0); }},
                  {"block of 3 MiB", [](auto& s) { s.le32(at::kBlockBytes, 3 << 20); }},
                  {"block of 2 KiB", [](auto& s) { s.le32(at::kBlockBytes, 2048); }},
                  {"bytes before data", [](auto& s) { s.le32(at::kExtra, ~0U); }},
                  {"no bytes", [](auto& s) { s.le64(at::kSize, 0); }},
                  {"over 64 TiB", [](auto& s) { s.le64(at::kSize, (64ULL << 40) + 512); }},
                  {"all bytes", [](auto& s) { s.le64(at::kSize, ~0ULL); }},
                  {"map short", [](auto& s) { s.le32(at::kBlocks, 39); }},
                  {"map on the header", [](auto& s) { s.le32(at::kMap, 256); }},
                  {"map outside", [](auto& s) { s.le32(at::kMap, ~0U).le32(at::kData, ~0U); }},
                  {"data on the map", [](auto& s) { s.le32(at::kData, 512); }},
                  {"block outside", [](auto& s) { s.le32(kMap, 1 << 30); }},
                  {"one block for all",
                   [](auto& s) {
                       for (std::size_t i = 0; i < 40; ++i)
                           s.le32(kMap + 4 * i, 0);
                   }},
                  {"cut", [](auto& s) { s.cut(4096); }}}));
}

} // namespace
} // namespace karat::volumes
