// SPDX-License-Identifier: Apache-2.0
// OVA files that are wrong, and files whose format is not what they say.
#include "formats/tar.hpp"
#include "testing/spoilt.hpp"

namespace karat::volumes {
namespace {

using testing::expect_golden;
using testing::outcomes;
using testing::sound;
using testing::Spoilt;

/// Makes the checksums of all headers of a tar right again.
void seal_tar(Spoilt& s)
{
    for (auto const at : {std::size_t{0}, std::size_t{512 + 4096}}) {
        if (s.size() < at + 512)
            return;
        std::uint64_t sum = 0;
        store_text(s.bytes, at + 148, "        ");
        for (std::size_t i = 0; i < 512; ++i)
            sum += std::to_integer<std::uint64_t>(s.bytes[at + i]);
        std::string digits = "000000";
        for (std::size_t i = 6; i-- > 0; sum /= 8)
            digits[i] = static_cast<char>('0' + sum % 8);
        store_text(s.bytes, at + 148, digits + std::string(1, '\0') + " ");
    }
}

TEST(HostileOva, ArchivesAreRefusedInOneSentence)
{
    constexpr std::size_t kDisk = 512 + 4096; // the disk's header
    auto const at_type = [](char type) {
        return [type](Spoilt& s) { s.bytes[kDisk + 156] = static_cast<std::byte>(type); };
    };
    auto const called = [](std::size_t at, std::string name) {
        return [at, name](Spoilt& s) { s.text(at, name + std::string(20 - name.size(), '\0')); };
    };
    expect_golden(
        "hostile_ova",
        outcomes(sound(ImageForm::ova), Format::ova,
                 {{"empty", [](auto& s) { s.bytes.clear(); }},
                  {"half a header", [](auto& s) { s.bytes.resize(256); }},
                  {"description only", [](auto& s) { s.bytes.resize(kDisk); }},
                  {"nothing in it", [](auto& s) { s.bytes.assign(1024, std::byte{0}); }},
                  {"cut", [](auto& s) { s.cut(4096); }},
                  {"size no number", [](auto& s) { s.text(kDisk + 124, "12345678xyz"); }},
                  {"size of 2^63",
                   [](auto& s) { s.text(kDisk + 124, "\x80").be64(kDisk + 128, 1ULL << 63); }},
                  {"size of 2^72", [](auto& s) { s.text(kDisk + 124, "\x80\x01"); }},
                  {"symbolic link", at_type('2')},
                  {"folder", at_type('5')},
                  {"device", at_type('3')},
                  {"long name", at_type('L')},
                  {"extended header", at_type('x')},
                  {"disk is a path", called(kDisk, "/etc/x.vmdk")},
                  {"disk is a path up", called(kDisk, "../x.vmdk")},
                  {"disk is hidden", called(kDisk, ".x.vmdk")},
                  {"disk has no name", called(kDisk, "")},
                  {"disk in a folder", [](auto& s) { s.text(kDisk + 345, "folder"); }},
                  {"disk named otherwise", called(kDisk, "other.vmdk")},
                  {"disk of another kind", called(kDisk, "disk.vhd")},
                  {"disk compressed", called(kDisk, "disk.vmdk.gz")},
                  {"disk twice", called(0, "disk.vmdk")},
                  {"two disks", called(0, "disk2.vmdk")},
                  {"no description", called(0, "disk.cert")},
                  {"the disk is no VMDK", [](auto& s) { s.text(kDisk + 512, "QFI\xfb"); }}},
                 seal_tar));
}

TEST(HostileOva, ChecksumsAreChecked)
{
    auto spoilt = sound(ImageForm::ova);
    spoilt.text(0, "x");
    auto const read = testing::read_all(
        spoilt.bytes, [](std::unique_ptr<File> file) { return open_ova(std::move(file), "disk"); });
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().message.substr(0, 60),
              "The disk image disk is damaged: the checksum of the header a");
}

/// What tell_format() says of a file of that name.
std::string told(std::string const& path, Bytes const& bytes)
{
    MemoryEnv world;
    auto const file = world.files.open("file", Access::create_new).value();
    VERIFY(file->write_at(0, bytes).ok());
    auto const format = tell_format(*file, path);
    return path + ": " +
           (format.ok() ? std::string(word(format.value())) : format.error().message) + '\n';
}

Bytes of_text(std::string_view text, std::size_t at = 0)
{
    Bytes bytes(40000);
    store_text(bytes, at, text);
    return bytes;
}

TEST(Formats, AreToldByTheirBytes)
{
    std::string lines;
    for (auto const form :
         {ImageForm::raw, ImageForm::qcow2, ImageForm::vmdk, ImageForm::vmdk_sparse, ImageForm::vhd,
          ImageForm::vhd_fixed, ImageForm::vhdx, ImageForm::ova})
        lines += told("folder.vhd/" + std::string(word(form)), sound(form).bytes);
    lines += told("empty", {});
    lines += told("disk.vhd", Bytes(4096));
    lines += told("disk.img", Bytes(4096));
    lines += told("disk.qcow2", sound(ImageForm::vhdx).bytes);
    lines += told("gzip", of_text("\x1f\x8b"));
    lines += told("xz", of_text("\xfd"
                                "7zXZ"));
    lines += told("zstd", of_text("\x28\xb5\x2f\xfd"));
    lines += told("a disk.img.gz", of_text("\x1f\x8b"));
    lines += told("bzip2", of_text("BZh"));
    lines += told("lz4", of_text("\x04\x22\x4d\x18"));
    lines += told("zip", of_text("PK\x03\x04"));
    lines += told("7z", of_text("7z\xbc\xaf\x27\x1c"));
    lines += told("-x$`\"\\", of_text("Rar!\x1a\x07"));
    lines += told("qed", of_text("QED"));
    lines += told("parallels", of_text("WithoutFreeSpace"));
    lines += told("parallels.hds", of_text("WithouFreSpacExt"));
    lines += told("luks, 1", of_text(std::string_view("LUKS\xba\xbe\0\1", 8)));
    lines += told("luks2", of_text(std::string_view("LUKS\xba\xbe\0\2", 8)));
    lines += told("sesparse", of_text(std::string_view("\xbe\xba\xfe\xca\0\0\0\0", 8)));
    lines += told("vdi", of_text("\x7f\x10\xda\xbe", 64));
    lines += told("dmg", of_text("koly", 40000 - 512));
    lines += told("iso", of_text("CD001", 0x8001));
    lines += told("dvd", of_text("NSR03", 0x8801));
    lines += told("ewf", of_text("EVF\x09\x0d\x0a\xff"));
    lines += told("vma", of_text("VMA"));
    lines += told("page.vmdk", of_text("<!DOCTYPE html>"));
    lines += told("vm.ovf", of_text("<?xml version"));
    lines += told("lfs", of_text("version https://git-lfs.github.com/spec/v1"));
    lines += told("old vhd", sound(ImageForm::vhd_fixed).cut(1).bytes);
    auto two = sound(ImageForm::vhd_fixed);
    two.text(0, "KDMV");
    lines += told("two at once", two.bytes);
    expect_golden("formats_told", lines);
}

TEST(Formats, AWrongWordIsNamed)
{
    MemoryEnv world;
    auto const file = world.files.open("file", Access::create_new).value();
    ASSERT_TRUE(file->write_at(0, sound(ImageForm::qcow2).bytes).ok());
    EXPECT_TRUE(check_format(*file, "file", Format::raw).ok());
    EXPECT_TRUE(check_format(*file, "file", Format::qcow2).ok());
    EXPECT_EQ(check_format(*file, "file", Format::vmdk).error().message,
              "The disk image file is not vmdk: its bytes say qcow2");
}

} // namespace
} // namespace karat::volumes
