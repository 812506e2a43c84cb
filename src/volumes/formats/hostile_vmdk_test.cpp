// SPDX-License-Identifier: Apache-2.0
// VMDK files that are wrong, on purpose or not, and the sentence that each is refused with.
#include "formats/vmdk_format.hpp"
#include "testing/spoilt.hpp"

namespace karat::volumes {
namespace {

using testing::expect_golden;
using testing::outcomes;
using testing::sound;
using testing::Spoilt;

constexpr std::uint64_t kSector = vmdk::kSectorBytes;

/// Nothing in it is there twice.
Spoilt without_spare()
{
    return sound(ImageForm::vmdk_sparse).le32(vmdk::at::kFlags, vmdk::kNewlineTest);
}

/// A descriptor file, with room for another line at its end.
std::function<void(Spoilt&)> alone(std::string const& type)
{
    return [type](Spoilt& s) {
        auto const text = "# by hand\ncreateType=\"" + type + "\"\n" + std::string(30, '\n');
        s.bytes.assign(as_bytes(text).begin(), as_bytes(text).end());
    };
}

TEST(HostileVmdk, HeadersAreRefusedInOneSentence)
{
    namespace at = vmdk::at;
    expect_golden(
        "hostile_vmdk_headers",
        outcomes(without_spare(), Format::vmdk,
                 {{"empty", [](auto& s) { s.bytes.clear(); }},
                  {"magic only", [](auto& s) { s.bytes.resize(4); }},
                  {"other magic", [](auto& s) { s.le32(0, 0x12345678); }},
                  {"COWD", [](auto& s) { s.text(0, "COWD"); }},
                  {"descriptor alone", alone("monolithicFlat")},
                  {"descriptor of a device", alone("fullDevice")},
                  {"descriptor of a difference",
                   [](auto& s) {
                       alone("vmfsSparse")(s);
                       s.text(s.size() - 30, "parentCID=12345678\n");
                   }},
                  {"descriptor in a header",
                   [](auto& s) {
                       s.le64(at::kCapacity, 0)
                           .replace("\"monolithicSparse\"", "\"monolithicFlat\"")
                           .replace("SPARSE", "FLAT");
                   }},
                  {"version 0", [](auto& s) { s.le32(at::kVersion, 0); }},
                  {"version 4", [](auto& s) { s.le32(at::kVersion, 4); }},
                  {"flag 3", [](auto& s) { s.le32(at::kFlags, 8); }},
                  {"sent as text", [](auto& s) { s.text(at::kNewlines, "\n \n\n"); }},
                  {"packed without markers", [](auto& s) { s.le32(at::kFlags, vmdk::kPacked); }},
                  {"markers without packed", [](auto& s) { s.le32(at::kFlags, vmdk::kMarkers); }},
                  {"no sectors", [](auto& s) { s.le64(at::kCapacity, 0); }},
                  {"over 64 TiB", [](auto& s) { s.le64(at::kCapacity, (1ULL << 37) + 1); }},
                  {"all sectors", [](auto& s) { s.le64(at::kCapacity, ~0ULL); }},
                  {"grain of 4", [](auto& s) { s.le64(at::kGrain, 4); }},
                  {"grain of 129", [](auto& s) { s.le64(at::kGrain, 129); }},
                  {"grain of 2^63", [](auto& s) { s.le64(at::kGrain, 1ULL << 63); }},
                  {"tables of 511", [](auto& s) { s.le32(at::kTableEntries, 511); }},
                  {"tables of 0", [](auto& s) { s.le32(at::kTableEntries, 0); }},
                  {"tables of 2^32-1", [](auto& s) { s.le32(at::kTableEntries, ~0U); }},
                  {"no descriptor", [](auto& s) { s.le64(at::kDescriptor, 0); }},
                  {"descriptor of 1 MiB", [](auto& s) { s.le64(at::kDescriptorSectors, 2048); }},
                  {"descriptor outside", [](auto& s) { s.le64(at::kDescriptor, 1ULL << 60); }},
                  {"directory outside", [](auto& s) { s.le64(at::kDirectory, 1 << 20); }},
                  {"directory far outside", [](auto& s) { s.le64(at::kDirectory, ~1ULL); }},
                  {"directory on the header", [](auto& s) { s.le64(at::kDirectory, 0); }},
                  {"directory at the end", [](auto& s) { s.le64(at::kDirectory, ~0ULL); }}}));
}

TEST(HostileVmdk, DescriptorsAreRefusedInOneSentence)
{
    auto const swap = [](std::string from, std::string to) {
        return [from, to](Spoilt& s) { s.replace(from, to); };
    };
    std::string const kCid = "CID=";
    expect_golden(
        "hostile_vmdk_descriptors",
        outcomes(
            sound(ImageForm::vmdk_sparse), Format::vmdk,
            {{"no start", swap("# Disk DescriptorFile", "# Disk")},
             {"flat", swap("\"monolithicSparse\"", "\"monolithicFlat\"")},
             {"of the other kind", swap("\"monolithicSparse\"", "\"streamOptimized\"")},
             {"no type", swap("createType=\"monolithicSparse\"", "#")},
             {"parent", swap("parentCID=ffffffff", "parentCID=12345678")},
             {"parent named", swap("ddb.virtualHWVersion = \"4\"", "parentFileNameHint=\"/x\"")},
             {"path", swap("\"disk\"", "\"/etc\"")},
             {"relative path", swap("\"disk\"", "\"../x\"")},
             {"back slash", swap("\"disk\"", "\"\\\\x\"")},
             {"no name", swap("\"disk\"", "\"\"")},
             {"flat part", swap("RW 81920 SPARSE \"disk\"", "RW 81920 FLAT \"d\" 0")},
             {"no access", swap("RW 81920 SPARSE \"disk\"", "NOACCESS 8 ZERO \"\"")},
             {"two parts", swap("# Extent description", "RW 1 SPARSE \"b\"")},
             {"no part", swap("RW 81920", "#")},
             {"other size", swap("RW 81920", "RW 81919")},
             {"size no number", swap("RW 81920", "RW 8192x")},
             {"changed blocks file", swap("ddb.adapterType", "changeTrackPath")},
             {"a line of no meaning", swap("ddb.adapterType = ", "hello ")},
             {"version 9", swap("version=1", "version=9")},
             {"escape codes", swap("ddb.adapterType", "\x1b[31mred")}}));
}

TEST(HostileVmdk, TablesAndGrainsAreRefusedInOneSentence)
{
    // 40 MiB need two tables: the spare directory is sector 21, the directory 30, tables from 31.
    constexpr std::size_t kDirectory = 30 * kSector;
    constexpr std::size_t kTable = 31 * kSector;
    expect_golden("hostile_vmdk_grains",
                  outcomes(without_spare(), Format::vmdk,
                           {{"table outside", [](auto& s) { s.le32(kDirectory, 1 << 20); }},
                            {"table half outside",
                             [](auto& s) {
                                 s.le32(kDirectory, static_cast<std::uint32_t>(s.size() / kSector));
                             }},
                            {"table twice", [](auto& s) { s.le32(kDirectory + 4, 31); }},
                            {"table on the directory", [](auto& s) { s.le32(kDirectory, 30); }},
                            {"grain outside", [](auto& s) { s.le32(kTable, ~0U); }},
                            {"grain on the directory", [](auto& s) { s.le32(kTable, 30); }},
                            {"zero grain without flag", [](auto& s) { s.le32(kTable, 1); }},
                            {"one grain for all",
                             [](auto& s) {
                                 for (std::size_t i = 0; i < 512; ++i)
                                     s.le32(kTable + 4 * i, 128);
                             }},
                            {"cut", [](auto& s) { s.cut(65536); }}}));
}

TEST(HostileVmdk, StreamsAreRefusedInOneSentence)
{
    namespace at = vmdk::at;
    constexpr std::size_t kGrain = 128 * kSector; // the first one
    auto const footer = [](Spoilt const& s) { return s.size() - 2 * kSector; };
    expect_golden(
        "hostile_vmdk_streams",
        outcomes(
            sound(ImageForm::vmdk), Format::vmdk,
            {{"no footer", [](auto& s) { s.cut(2 * kSector); }},
             {"footer of another disk", [&](auto& s) { s.le64(footer(s) + at::kCapacity, 81928); }},
             {"footer with other grains", [&](auto& s) { s.le64(footer(s) + at::kGrain, 64); }},
             {"footer not packed", [&](auto& s) { s.le32(footer(s) + at::kFlags, 1); }},
             {"footer's method", [&](auto& s) { s.le16(footer(s) + at::kCompression, 0); }},
             {"method 2", [](auto& s) { s.le16(at::kCompression, 2); }},
             {"footer without directory",
              [&](auto& s) { s.le64(footer(s) + at::kDirectory, ~0ULL); }},
             {"directory on the header", [&](auto& s) { s.le64(footer(s) + at::kDirectory, 0); }},
             {"grain of another sector", [](auto& s) { s.le64(kGrain, 128); }},
             {"grain of no bytes", [](auto& s) { s.le32(kGrain + 8, 0); }},
             {"grain of 2^32-1", [](auto& s) { s.le32(kGrain + 8, ~0U); }},
             {"grain reaches out", [](auto& s) { s.le32(kGrain + 8, 120000); }},
             {"not zlib", [](auto& s) { s.le32(kGrain + 12, ~0U); }},
             {"zlib cut", [](auto& s) { s.le32(kGrain + 8, 20); }},
             {"sum wrong", [](auto& s) { s.le32(kGrain + 12 + 40, 0x55555555); }}}));
}

} // namespace
} // namespace karat::volumes
