// SPDX-License-Identifier: Apache-2.0
// Sound disks in files that other writers make, and files that lost one of two copies of something:
// all are read, and hold the same disk.
#include "formats/vhd_format.hpp"
#include "testing/variants.hpp"

namespace karat::volumes {
namespace {

using testing::add_log_entry;
using testing::blocks_of;
using testing::expect_sound;
using testing::Hostile;
using testing::kMiB;
using testing::Logged;
using testing::replaced;
using testing::rewrite_descriptor;
using testing::sound;
using testing::sound_vdi;
using testing::Spoilt;

void expect_all_sound(Spoilt const& good, Format format, std::vector<Hostile> const& all)
{
    expect_sound("as it is", good.bytes, format);
    for (auto const& one : all) {
        auto changed = good;
        one.spoil(changed);
        expect_sound(one.name, changed.bytes, format);
    }
}

/// The descriptor with some text instead of another.
Hostile with(std::string const& name, std::string const& from, std::string const& to)
{
    return {name, [from, to](Spoilt& s) {
                rewrite_descriptor(s, [&](auto text) { return replaced(text, from, to); });
            }};
}

TEST(VmdkVariants, KeysDecideAndCommentsDoNot)
{
    std::string const kStart = "# Disk DescriptorFile";
    expect_all_sound(
        sound(ImageForm::vmdk_sparse), Format::vmdk,
        {with("another first comment", kStart, "# Description file created by a tool"),
         with("no comment", kStart, ""), with("a blank line first", kStart, "\n\n" + kStart),
         with("a byte order mark", kStart, "\xef\xbb\xbf" + kStart), with("CRLF", "\n", "\r\n"),
         with("blanks around =", "=", "  =\t"), with("upper case", "createType", "CREATETYPE"),
         with("small letters", "parentCID=ffffffff", "parentcid = FFFFFFFF"),
         with("no quotes", "\"monolithicSparse\"", "monolithicSparse"),
         with("another case of the type", "monolithicSparse", "MonolithicSparse"),
         with("no type", "createType", "oldType"), with("version", "version=1", "version=7"),
         with("unknown keys", "version=1",
              "version=1\nchangeTrackPath=\"disk-ctk.vmdk\"\nuuid.image=\"\"\nddb.x = \"1\""),
         with("a line without a key", "version=1", "version=1\nhello there"),
         with("blanks in the extent", "RW 81920 SPARSE", "RW\t81920   SPARSE"),
         with("a part of any name", "\"disk\"", "\"../a disk/of \\another.vmdk\""),
         with("sectors of no whole grain", "RW 81920", "RW 81900"),
         with("no extent", "RW 81920", "#"),
         with("no parent's name", "version=1", "version=1\nparentFileNameHint=\"\"")});
}

TEST(VmdkVariants, ASpareDirectoryServesWhereTheFirstIsLost)
{
    // The spare directory is sector 21, its tables 22 to 29; the directory is 30, tables 31 to 38.
    constexpr std::size_t kDirectory = 30 * vmdk::kSectorBytes;
    constexpr std::size_t kTables = 31 * vmdk::kSectorBytes;
    auto const fill = [](std::size_t at, std::size_t length, int with) {
        return [=](Spoilt& s) {
            std::fill_n(s.bytes.begin() + static_cast<std::ptrdiff_t>(at), length,
                        static_cast<std::byte>(with));
        };
    };
    expect_all_sound(sound(ImageForm::vmdk_sparse), Format::vmdk,
                     {{"directory outside", [](auto& s) { s.le64(vmdk::at::kDirectory, 1 << 30); }},
                      {"directory on the header", [](auto& s) { s.le64(vmdk::at::kDirectory, 0); }},
                      {"directory of zeroes", fill(kDirectory, 512, 0)},
                      {"directory of noise", fill(kDirectory, 512, 0xa5)},
                      {"one entry outside", [](auto& s) { s.le32(kDirectory + 4, 1 << 30); }},
                      {"two entries alike", [](auto& s) { s.le32(kDirectory + 4, 31); }},
                      {"tables of zeroes", fill(kTables, 4096, 0)},
                      {"tables of noise", fill(kTables, 4096, 0xa5)},
                      {"the spare of noise", fill(21 * vmdk::kSectorBytes, 9 * 512, 0xa5)},
                      {"the spare of zeroes", fill(21 * vmdk::kSectorBytes, 9 * 512, 0)}});
}

TEST(VmdkVariants, StreamsMayLackADescriptorAndHaveATail)
{
    expect_all_sound(
        sound(ImageForm::vmdk), Format::vmdk,
        {{"no descriptor",
          [](auto& s) {
              for (auto const at : {std::size_t{0}, s.size() - 1024})
                  s.le64(at + vmdk::at::kDescriptor, 0).le64(at + vmdk::at::kDescriptorSectors, 0);
          }},
         {"filled up", [](auto& s) { s.bytes.resize(s.size() + 20000); }},
         {"no end marker", [](auto& s) { s.cut(512); }},
         {"version 3",
          [](auto& s) { s.le32(vmdk::at::kVersion, 3).le32(s.size() - 1024 + 4, 3); }}});
}

TEST(VmdkVariants, ADescriptorIsKnownByItsKeys)
{
    MemoryEnv world;
    auto const told = [&](std::string_view text) {
        Bytes const bytes(as_bytes(text).begin(), as_bytes(text).end());
        testing::BytesFile file(bytes);
        return std::string(word(tell_format(file, "disk").value()));
    };
    EXPECT_EQ(told("# by hand\r\nversion=1\r\nCreateType = \"vmfs\"\r\n"), "vmdk");
    EXPECT_EQ(told("# Disk DescriptorFile\nhello\n"), "raw");
    EXPECT_EQ(told("# createType=\"vmfs\"\n"), "raw");
}

TEST(VhdVariants, OneFooterIsEnough)
{
    expect_all_sound(
        sound(ImageForm::vhd), Format::vhd,
        {{"no footer", [](auto& s) { s.cut(512); }},
         {"half a footer", [](auto& s) { s.cut(300); }},
         {"a footer of zeroes",
          [](auto& s) { std::fill_n(s.bytes.end() - 512, 512, std::byte{0}); }},
         {"footer's sum wrong", [](auto& s) { s.be32(s.size() - 400, 1); }},
         {"copy's sum wrong", [](auto& s) { s.be32(40, 1); }},
         {"a copy of zeroes", [](auto& s) { std::fill_n(s.bytes.begin(), 512, std::byte{0}); }}});
    expect_all_sound(sound(ImageForm::vhd_fixed), Format::vhd,
                     {{"a footer of 511 bytes", [](auto& s) { s.cut(1); }}});
}

TEST(VhdVariants, BlocksOfAnySizeLieAnywhere)
{
    for (auto const block_bytes : {64U << 10, 512U << 10, 4U << 20})
        expect_sound(fmt::format("{}", block_bytes), testing::sound_vhd(block_bytes).bytes,
                     Format::vhd);
}

/// Changes a field of a fixed VHD's footer, its checksum with it.
void set_fixed(Spoilt& s, std::size_t at, std::uint32_t value)
{
    auto const footer = std::span(s.bytes).last(vhd::kFooterBytes);
    store_be(footer, at, value);
    store_be(footer, vhd::at::kChecksum, vhd::checksum(footer, vhd::at::kChecksum));
}

TEST(VhdVariants, TheSizeIsTheCurrentOneWhoeverMadeIt)
{
    std::vector<Hostile> all;
    for (auto const* const creator : {"vpc ", "win ", "vbox", "tap\0"})
        all.push_back({creator, [creator](Spoilt& s) {
                           Bytes word(4);
                           store_text(word, 0, std::string_view(creator, 4));
                           set_fixed(s, vhd::at::kCreator, load_be<std::uint32_t>(word, 0));
                           set_fixed(s, vhd::at::kCylinders, 0x00110205); // 17 * 2 * 5 sectors
                       }});
    expect_all_sound(sound(ImageForm::vhd_fixed), Format::vhd, all);
}

constexpr std::size_t kTable = 3 << 20; // the block table of a VHDX of ours

Bytes table_of(Spoilt const& s)
{
    auto const table = std::span(s.bytes).subspan(kTable, vhdx::kLogSectorBytes);
    return {table.begin(), table.end()};
}

void clear_table(Spoilt& s)
{
    std::fill_n(s.bytes.begin() + kTable, vhdx::kLogSectorBytes, std::byte{0});
}

TEST(VhdxVariants, OneHeaderAndOneRegionTableAreEnough)
{
    auto const spoil = [](std::size_t at) { return [at](Spoilt& s) { s.le32(at + 8, ~0U); }; };
    expect_all_sound(sound(ImageForm::vhdx), Format::vhdx,
                     {{"first header", spoil(vhdx::kHeaderAt[0])},
                      {"second header", spoil(vhdx::kHeaderAt[1])},
                      {"first region table", spoil(vhdx::kRegionsAt[0])},
                      {"second region table", spoil(vhdx::kRegionsAt[1])}});
}

TEST(VhdxVariants, ALogThatIsInUseIsReplayed)
{
    auto const good = sound(ImageForm::vhdx);
    auto const table = table_of(good);
    Bytes const noise(vhdx::kLogSectorBytes, std::byte{0xa5});
    auto const logged = [&](std::function<void(Spoilt&)> fill) {
        return [fill](Spoilt& s) {
            clear_table(s);
            fill(s);
        };
    };
    expect_all_sound(
        good, Format::vhdx,
        {{"one entry", logged([&](auto& s) { add_log_entry(s, 0, 0, 5, {{kTable, table}}); })},
         {"the later wins", logged([&](auto& s) {
              auto const next = add_log_entry(s, 0, 0, 5, {{kTable, noise}, {kMiB * 2 - 4096}});
              add_log_entry(s, next, 0, 6, {{kTable}, {kTable, table}});
          })},
         {"round the end", logged([&](auto& s) {
              add_log_entry(s, kMiB - 4096, kMiB - 4096, 1ULL << 40, {{kTable, table}});
          })},
         {"an older sequence is beside it", logged([&](auto& s) {
              add_log_entry(s, 0, 0, 3, {{kTable, noise}});
              add_log_entry(s, 65536, 65536, 9, {{kTable, table}});
          })},
         {"the newest was never written", logged([&](auto& s) {
              auto const next = add_log_entry(s, 0, 0, 5, {{kTable, table}});
              add_log_entry(s, next, 0, 6, {{kTable, noise}});
              s.bytes[kMiB + next + 5000] ^= std::byte{1};
          })},
         {"the newest lacks its tail", logged([&](auto& s) {
              add_log_entry(s, 0, 0, 5, {{kTable, table}});
              add_log_entry(s, 65536, 40960, 7, {{kTable, noise}});
          })}});
}

TEST(VhdxVariants, ALogMayClearWhatItNames)
{
    auto changed = sound(ImageForm::vhdx);
    add_log_entry(changed, 0, 0, 1, {{kTable}});
    EXPECT_TRUE(blocks_of(changed.bytes, Format::vhdx).value().empty());
    // Zeroes of any length store nothing: one block for all of the disk is refused as ever.
    auto bomb = sound(ImageForm::vhdx);
    add_log_entry(bomb, 0, 0, 1, {{std::uint64_t{1} << 40, {}, std::uint64_t{1} << 45}});
    for (std::size_t i = 0; i < 20; ++i)
        bomb.le64(kTable + 8 * i, (4 << 20) | vhdx::kPresent);
    auto const walked = blocks_of(bomb.bytes, Format::vhdx);
    ASSERT_FALSE(walked.ok());
    EXPECT_NE(walked.error().message.find("maps the same stored bytes"), std::string::npos);
    // Of another time: its entries do not count.
    changed.bytes[kMiB + vhdx::entry::kGuid] = std::byte{8};
    expect_sound("another log", changed.bytes, Format::vhdx);
}

TEST(VdiVariants, FixedAndDynamicHoldTheSame)
{
    expect_all_sound(sound_vdi(), Format::vdi,
                     {{"fixed", [](auto& s) { s.le32(vdi::at::kType, vdi::kFixed); }},
                      {"more blocks than needed", [](auto& s) { s.le32(vdi::at::kBlocks, 100); }}});
}

} // namespace
} // namespace karat::volumes
