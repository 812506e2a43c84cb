// SPDX-License-Identifier: Apache-2.0
// OVA files as tools make them, and those that are refused with advice.
#include "formats/manifest.hpp"
#include "testing/variants.hpp"

#include "karat/hash.hpp"

namespace karat::volumes {
namespace {

using testing::expect_golden;
using testing::expect_sound;
using testing::kMiB;
using testing::line_of;
using testing::ovf_of;
using testing::replaced;
using testing::sound;
using testing::TarBuilder;

Bytes const& disk()
{
    static auto const bytes = sound(ImageForm::vmdk).bytes;
    return bytes;
}

void expect_ova(std::string const& name, TarBuilder const& tar)
{
    expect_sound(name, tar.done(), Format::ova);
}

TEST(Ova, WhatIsBesideTheDiskIsPassedOver)
{
    expect_ova("in any order", TarBuilder()
                                   .add("disk.vmdk", disk())
                                   .add("vm.nvram", "settings of the firmware")
                                   .add("vm.iso", "a CD")
                                   .add("en/messages.xml", "<x/>")
                                   .add("vm.cert", "signed")
                                   .add("another.vmdk", "a file that nobody speaks of")
                                   .add("vm.ovf", ovf_of("disk.vmdk")));
    expect_ova("in a folder",
               TarBuilder().add("box/vm.ovf", ovf_of("disk.vmdk")).add("box/disk.vmdk", disk()));
    expect_ova(
        "a disk of another format",
        TarBuilder().add("vm.ovf", ovf_of("7d8f2e")).add("7d8f2e", sound(ImageForm::qcow2).bytes));
    expect_ova("the last of a name counts", TarBuilder()
                                                .add("vm.ovf", "old")
                                                .add("disk.vmdk", "old")
                                                .add("disk.vmdk", disk())
                                                .add("vm.ovf", ovf_of("disk.vmdk")));
}

TEST(Ova, NamesAreWhatTarUriAndXmlMakeOfThem)
{
    struct Case {
        std::string href;
        std::string member;
    };
    for (auto const& one :
         {Case{"disk.vmdk", "./disk.vmdk"}, Case{"./disk.vmdk", "disk.vmdk"},
          Case{"My%20VM.vmdk", "My VM.vmdk"}, Case{"R&amp;D.vmdk", "R&D.vmdk"},
          Case{"My VM.vmdk", "My VM.vmdk"}, Case{"100%25.vmdk", "100%.vmdk"},
          Case{"100%.vmdk", "100%.vmdk"}, Case{"a%2fb.vmdk", "a/b.vmdk"}, Case{"%20", "%20"},
          Case{"&#x4E2D;.vmdk", "\xe4\xb8\xad.vmdk"}, Case{"%e4%b8%ad.vmdk", "\xe4\xb8\xad.vmdk"}})
        expect_ova(one.href,
                   TarBuilder().add("./vm.ovf", ovf_of(one.href)).add(one.member, disk()));
}

std::string as_utf16(std::string_view text)
{
    std::string wide = "\xff\xfe";
    for (auto const c : text)
        (wide += c) += '\0';
    return wide;
}

TEST(Ova, DescriptionsAreReadAsXml)
{
    auto const plain = ovf_of("disk.vmdk");
    auto const utf16 = as_utf16(plain);
    auto const other = replaced(replaced(plain, "ovf:", "x:"), ":ovf", ":x");
    for (auto const& text :
         {plain, "\xef\xbb\xbf" + plain, utf16, other, replaced(plain, "\n", "\r\n"),
          replaced(plain, "<Info/>",
                   "<!-- <Disk ovf:fileRef=\"f2\"/> --><Info><![CDATA[<Disk>]]></Info>"),
          replaced(plain, "<Envelope", "<!DOCTYPE Envelope [<!ENTITY a \"b\">]><Envelope"),
          replaced(plain, "<Info/>",
                   "<Disk ovf:diskId=\"empty\" ovf:capacity=\"9\"/><Disk ovf:fileRef=\"f1\" "
                   "ovf:format=\"http://www.ecma-international.org/publications/standards/"
                   "Ecma-119.htm\"/>"),
          replaced(replaced(plain, "<DiskSection>", "<Section xsi:type=\"ovf:DiskSection_Type\">"),
                   "</DiskSection>", "</Section>")})
        expect_ova(text.substr(0, 400), TarBuilder().add("vm.ovf", text).add("disk.vmdk", disk()));
}

TEST(Ova, ADiskMayComeInChunks)
{
    auto const all = std::span(disk());
    auto const part = all.size() / 3;
    auto const size = fmt::format(" ovf:chunkSize=\"{}\" ovf:size=\"{}\"", part, all.size());
    TarBuilder tar;
    tar.add("vm.ovf", ovf_of("disk.vmdk", size)).add("disk.vmdk.000000000", all.first(part));
    auto short_one = tar;
    tar.add("disk.vmdk.000000002", all.subspan(2 * part))
        .add("disk.vmdk.000000001", all.subspan(part, part));
    expect_ova("three", tar);
    EXPECT_EQ(
        open_ova(std::make_unique<testing::BytesFile>(short_one.done()), "a.ova").error().message,
        "The disk image a.ova is cut off: the last chunks of 'disk.vmdk' lie beyond its end; "
        "copy it again");
}

/// What the manifest of an archive says of its disk, once all of it is read.
Result<void> checked(std::string const& manifest, std::string const& ovf = ovf_of("disk.vmdk"))
{
    auto const bytes =
        TarBuilder().add("vm.ovf", ovf).add("disk.vmdk", disk()).add("vm.mf", manifest).done();
    auto const reader =
        TRY(open_ova(std::make_unique<testing::BytesFile>(bytes), DiskName("vm.ova")));
    return reader->check_sums([] { return true; });
}

TEST(Ova, TheManifestIsChecked)
{
    auto const ovf = sha256(ovf_of("disk.vmdk")).text();
    auto const vmdk = sha256(disk()).text();
    EXPECT_TRUE(
        checked(fmt::format("SHA256(vm.ovf)= {}\nSHA256(disk.vmdk)= {}\n", ovf, vmdk)).ok());
    EXPECT_TRUE(checked(fmt::format("SHA256 (./disk.vmdk) = {}\r\n\r\n.\r\n", vmdk)).ok());
    EXPECT_TRUE(checked("SHA1(other)= 12\nMD5(disk.vmdk)= 12\nnonsense\n").ok());
    auto const wrong = std::string(63, '0') + '1';
    EXPECT_EQ(checked(fmt::format("SHA256(disk.vmdk)= {}\n", wrong)).error().message,
              "The disk image vm.ova is damaged: the SHA256 of 'disk.vmdk' differs from its "
              "manifest; copy it again");
    EXPECT_EQ(checked("SHA1(disk.vmdk)= 00\n").error().fault, Fault::invalid);
    EXPECT_FALSE(checked(fmt::format("SHA256(vm.ovf)= {}\n", wrong)).ok());
    EXPECT_EQ(checked(fmt::format("SHA512(vm.ovf)= {}\n", wrong)).error().fault, Fault::invalid);
    auto const holes = TarBuilder()
                           .add("vm.ovf", ovf_of("disk.img"))
                           .add("vm.mf", "SHA1(disk.img)= 00\n")
                           .pax("33 GNU.sparse.size=2199023255552\n22 GNU.sparse.map=0,1\n")
                           .add("disk.img", "x")
                           .done();
    auto const reader = open_ova(std::make_unique<testing::BytesFile>(holes), "a.ova").value();
    EXPECT_EQ(reader->size_bytes(), std::uint64_t{2} << 40);
    EXPECT_EQ(reader->check_sums([] { return true; }).error().fault, Fault::unsupported);
    // An interruption is no damage.
    auto const file = std::make_unique<testing::BytesFile>(disk());
    EXPECT_EQ(ovf::sum_of(*file, "SHA1", [] { return false; }).error().fault, Fault::unavailable);
}

std::string repeated(std::string_view text, int count)
{
    std::string all;
    for (int i = 0; i < count; ++i)
        all += text;
    return all;
}

std::string refusal(std::string const& name, TarBuilder const& tar)
{
    auto const bytes = tar.done();
    return line_of(name, testing::read_all(bytes, [](std::unique_ptr<File> file) {
                       return open_ova(std::move(file), "/images/My VM.ova");
                   }));
}

TEST(Ova, WhatIsRefusedComesWithAdvice)
{
    auto const two = replaced(ovf_of("a.vmdk"), "<Info/>", "<Disk ovf:fileRef=\"f1\"/>");
    auto const of_ovf = [](std::string const& text) {
        return TarBuilder().add("vm.ovf", text).add("./disk.vmdk", disk());
    };
    auto const gzip = " ovf:compression=\"gzip\"";
    std::string lines;
    lines += refusal("two disks", TarBuilder().add("vm.ovf", two).add("./a.vmdk", disk()));
    lines += refusal("gzip", of_ovf(ovf_of("disk.vmdk", gzip)));
    lines += refusal("gzip in chunks",
                     TarBuilder()
                         .add("vm.ovf", ovf_of("d.gz", " ovf:chunkSize=\"9\"" + std::string(gzip)))
                         .add("d.gz.000000000", "x")
                         .add("d.gz.000000001", "y"));
    lines += refusal("lzma", of_ovf(ovf_of("disk.vmdk", " ovf:compression=\"lzma\"")));
    lines += refusal("not there", of_ovf(ovf_of("other.vmdk")));
    lines += refusal("elsewhere", of_ovf(ovf_of("https://example.com/disk.vmdk")));
    lines += refusal("above", of_ovf(ovf_of("../disk.vmdk")));
    lines += refusal("at the root", of_ovf(ovf_of("/etc/disk.vmdk")));
    lines += refusal("above, decoded", of_ovf(ovf_of("a/%2e%2e/disk.vmdk")));
    lines += refusal("of a parent", of_ovf(replaced(ovf_of("disk.vmdk"), "ovf:diskId",
                                                    "ovf:parentRef=\"p\" ovf:diskId")));
    lines += refusal("no file of that id",
                     of_ovf(replaced(ovf_of("disk.vmdk"), "id=\"f1\"", "id=\"f\"")));
    lines += refusal("300 disks", of_ovf("<Envelope><DiskSection>" + repeated("<Disk/>", 300) +
                                         "</DiskSection></Envelope>"));
    lines += refusal("no disk", of_ovf("<Envelope/>"));
    lines += refusal("no OVF", of_ovf("<html/>"));
    lines += refusal("no XML", of_ovf("<Envelope"));
    lines += refusal("nothing", of_ovf(""));
    lines += refusal("large", of_ovf(std::string(kMiB + 1, ' ')));
    lines += refusal("deep", of_ovf(repeated("<a>", 100000)));
    lines += refusal("two descriptions", of_ovf("<Envelope/>").add("b.ovf", "<Envelope/>"));
    lines += refusal("no description", TarBuilder().add("disk.raw", "x"));
    lines += refusal("a name to fear", TarBuilder().add("a\x1b[2J\xc2\x9b!`id`.raw", "x"));
    lines += refusal(
        "two disks in chunks",
        TarBuilder()
            .add("vm.ovf", replaced(two, "href=\"a.vmdk\"", "href=\"a.vmdk\" ovf:chunkSize=\"9\""))
            .add("b/a.vmdk.000000000", "x")
            .add("a.vmdk.000000000", "x")
            .add("a.vmdk.000000001", "y"));
    lines += refusal("XVA", TarBuilder().add("ova.xml", "x").add("Ref:1/00000000", "x"));
    lines += refusal("no files", TarBuilder().add("folder/", ""));
    lines += refusal("an OVA in it", TarBuilder()
                                         .add("vm.ovf", ovf_of("b.tar"))
                                         .add("b.tar", TarBuilder().add("x", "y").done()));
    lines += refusal("a disk that needs others",
                     TarBuilder()
                         .add("vm.ovf", ovf_of("disk.vmdk"))
                         .add("./disk.vmdk", "createType=\"monolithicFlat\"\nRW 9 FLAT \"x\" 0\n"));
    expect_golden("ova_refused", lines);
}

} // namespace
} // namespace karat::volumes
