// SPDX-License-Identifier: Apache-2.0
// Files that other programs write, and what a refusal advises: each command is run with the real
// tools, and what it makes is imported.
#include "testing/qemu_peer.hpp"
#include "testing/rare_formats.hpp"
#include "testing/variants.hpp"

#include <fstream>
#include <regex>

namespace karat::volumes {
namespace {

using testing::FakeStore;
using testing::ovf_of;
using testing::run;
using testing::sound;
using testing::Spoilt;

class SlowVariants : public testing::QemuPeer {
protected:
    void SetUp() override
    {
        QemuPeer::SetUp();
        make_source(file("truth.raw"), 6 * kMiB);
    }

    /// Runs a command in the folder of the test.
    void here(std::string const& command) { must("cd " + folder_.path() + " && " + command); }

    void write(std::string const& name, std::span<std::byte const> bytes)
    {
        std::ofstream out(file(name), std::ios::binary);
        out << as_text(bytes);
    }

    Bytes truth() { return read_file(posix_env().files, file("truth.raw"), 64 * kMiB).value(); }

    void expect_truth(std::string const& name, Format format)
    {
        SCOPED_TRACE(name);
        import(file(name), format);
        expect_same(file("truth.raw"));
    }

    /// The commands in a sentence, and what is left of one when its words stand for something.
    std::vector<std::string> commands_in(std::string const& sentence)
    {
        std::vector<std::string> found;
        std::regex const quoted("'([^']*)'");
        for (std::sregex_iterator i(sentence.begin(), sentence.end(), quoted), end; i != end; ++i)
            if (std::regex_search((*i)[1].str(), std::regex("^[a-z0-9-]+ [^ ]+ ")) ||
                (*i)[1].str().starts_with("unzip "))
                found.push_back(
                    testing::replaced((*i)[1].str(), "FILE-OF-PASSPHRASE", file("passphrase")));
        return found;
    }

    /// `name` is refused; what the refusal advises makes `result`, which is the true disk.
    void expect_advice(std::string const& name, std::string const& result, Format format)
    {
        SCOPED_TRACE(name);
        auto const told = volumes_->inspect(file(name), std::nullopt);
        ASSERT_FALSE(told.ok());
        EXPECT_EQ(told.error().fault, Fault::unsupported) << told.error().message;
        auto const commands = commands_in(told.error().message);
        ASSERT_FALSE(commands.empty()) << told.error().message;
        for (auto const& command : commands)
            here(command);
        expect_truth(result, format);
    }
};

TEST_F(SlowVariants, VdiOfQemu)
{
    must("qemu-img convert -f raw -O vdi " + file("truth.raw") + ' ' + file("dynamic.vdi"));
    must("qemu-img convert -f raw -O vdi -o static=on " + file("truth.raw") + ' ' +
         file("fixed.vdi"));
    expect_truth("dynamic.vdi", Format::vdi);
    expect_truth("fixed.vdi", Format::vdi);
    must("qemu-img create -f vdi " + file("new.vdi") + " 60M");
    must("qemu-io -f vdi -c 'write -P 7 40M 70144' -c 'write -P 8 1M 512' -c 'write -z 40M 4k' " +
         file("new.vdi"));
    expect_import_equals_qemu(file("new.vdi"), Format::vdi, "vdi");
}

TEST_F(SlowVariants, QemuReadsTheFilesOfTheTests)
{
    for (auto const block_bytes : {64U << 10, 512U << 10, 4U << 20}) {
        write("hand.vhd", testing::sound_vhd(block_bytes).bytes);
        expect_import_equals_qemu(file("hand.vhd"), Format::vhd, "vpc");
    }
    write("hand.vdi", testing::sound_vdi().bytes);
    expect_import_equals_qemu(file("hand.vdi"), Format::vdi, "vdi");
}

TEST_F(SlowVariants, TarsOfGnuTarAndOfBsdtar)
{
    KARAT_REQUIRE("bsdtar", "libarchive-tools");
    auto const longer = std::string(90, 'd');
    must("qemu-img convert -f raw -O vmdk -o subformat=streamOptimized " + file("truth.raw") + ' ' +
         file("disk.vmdk"));
    here(fmt::format("mkdir {0} && cp disk.vmdk {0}/{1}.vmdk && cp --sparse=always truth.raw x.img",
                     longer, std::string(70, 'e')));
    write("vm.ovf", as_bytes(ovf_of("disk.vmdk")));
    write("hole.ovf", as_bytes(ovf_of("x.img")));
    write("long.ovf", as_bytes(ovf_of(longer + '/' + std::string(70, 'e') + ".vmdk")));
    here("echo settings > vm.nvram && ln -s vm.nvram link && ln disk.vmdk hard.vmdk && mkdir dir");
    auto const small = std::string(" vm.ovf vm.nvram link dir disk.vmdk hard.vmdk");
    for (auto const* const format : {"v7", "oldgnu", "gnu", "ustar", "posix"}) {
        here(fmt::format("tar --format={} -cf {}.ova{}", format, format, small));
        expect_truth(fmt::format("{}.ova", format), Format::ova);
    }
    for (auto const* const format : {"ustar", "pax", "gnutar", "v7"}) {
        here(fmt::format("bsdtar --format {} -cf bsd.ova{}", format, small));
        expect_truth("bsd.ova", Format::ova);
    }
    for (auto const* const how :
         {"tar --format=gnu", "tar --format=posix", "tar --format=oldgnu", "bsdtar --format pax",
          "bsdtar --format ustar", "bsdtar --format gnutar"}) {
        here(fmt::format("{} -cf long.ova ./long.ovf ./{}", how, longer));
        expect_truth("long.ova", Format::ova);
    }
    for (auto const* const how :
         {"tar -S --format=gnu", "tar -S --format=oldgnu",
          "tar --format=posix --sparse-version=0.0 -S",
          "tar --format=posix --sparse-version=0.1 -S",
          "tar --format=posix --sparse-version=1.0 -S", "bsdtar --format pax"}) {
        SCOPED_TRACE(how);
        here(fmt::format("{} -cf hole.ova hole.ovf x.img", how));
        expect_truth("hole.ova", Format::ova);
    }
    here("tar -cf late.ova disk.vmdk && tar -rf late.ova vm.ovf && tar -rf late.ova disk.vmdk");
    expect_truth("late.ova", Format::ova);
}

TEST_F(SlowVariants, AVhdWithoutItsFooterIsWhatQemuReads)
{
    must("qemu-img convert -f raw -O vpc -o force_size=on " + file("truth.raw") + ' ' +
         file("disk.vhd"));
    here("truncate -s -512 disk.vhd");
    expect_import_equals_qemu(file("disk.vhd"), Format::vhd, "vpc");
    expect_same(file("truth.raw"));
}

TEST_F(SlowVariants, ALogIsReplayedAsQemuDoes)
{
    auto changed = sound(ImageForm::vhdx);
    constexpr std::size_t kTable = 3 << 20;
    auto const table = std::span(changed.bytes).subspan(kTable, vhdx::kLogSectorBytes);
    Bytes const saved(table.begin(), table.end());
    std::fill(table.begin(), table.end(), std::byte{0});
    auto const next = testing::add_log_entry(changed, 8192, 8192, 5, {{kTable}});
    testing::add_log_entry(changed, next, 8192, 6, {{kTable, saved}, {kTable + 8192}});
    write("log.vhdx", changed.bytes);
    import(file("log.vhdx"), Format::vhdx);
    EXPECT_FALSE(store_.snapshots.at(kSnapshot).blocks.empty());
    must("qemu-img check -r all -f vhdx " + file("log.vhdx"));
    must("qemu-img convert -f vhdx -O raw " + file("log.vhdx") + ' ' + file("peer.raw"));
    expect_same(file("peer.raw"));
}

TEST_F(SlowVariants, AdviceForOtherFormatsWorks)
{
    for (auto const* const format : {"qcow", "qed", "parallels"}) {
        must(fmt::format("qemu-img convert -f raw -O {} {} {}", format, file("truth.raw"),
                         file(format)));
        expect_advice(format, std::string(format) + ".qcow2", Format::qcow2);
    }
}

TEST_F(SlowVariants, AdviceForWhatIsEncryptedWorks)
{
    here("printf opensesame > passphrase");
    // Some clocks are too coarse for it now and then ("Unable to get accurate CPU usage").
    auto const locked = [&](std::string const& format, std::string const& options,
                            std::string const& name) {
        here(fmt::format("for i in $(seq 40); do qemu-img convert -f raw -O {} --object "
                         "secret,id=s,file=passphrase -o {} truth.raw {} && exit 0; done; exit 1",
                         format, options, name));
    };
    locked("qcow2", "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10", "luks.qcow2");
    expect_advice("luks.qcow2", "luks.qcow2.qcow2", Format::qcow2);
    locked("qcow2", "encrypt.format=aes,encrypt.key-secret=s", "aes,old.qcow2");
    expect_advice("aes,old.qcow2", "aes,old.qcow2.qcow2", Format::qcow2);
    locked("luks", "key-secret=s,iter-time=10", "disk.luks");
    expect_advice("disk.luks", "disk.luks.qcow2", Format::qcow2);
}

TEST_F(SlowVariants, AdviceForDisksOfSeveralFilesWorks)
{
    for (auto const* const type :
         {"monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat"}) {
        here(fmt::format("qemu-img convert -f raw -O vmdk -o subformat={0} truth.raw {0}.vmdk",
                         type));
        expect_advice(fmt::format("{}.vmdk", type), fmt::format("{}.vmdk.qcow2", type),
                      Format::qcow2);
    }
    here("qemu-img convert -f raw -O vmdk truth.raw base.vmdk && "
         "qemu-img create -f vmdk -b base.vmdk -F vmdk child.vmdk");
    expect_advice("child.vmdk", "child.vmdk.qcow2", Format::qcow2);
    here("qemu-img create -f qcow2 -b truth.raw -F raw child.qcow2");
    expect_advice("child.qcow2", "child.qcow2.qcow2", Format::qcow2);
    here("qemu-img convert -f raw -O qcow2 -o data_file=data truth.raw split.qcow2");
    expect_advice("split.qcow2", "split.qcow2.qcow2", Format::qcow2);
}

TEST_F(SlowVariants, AdviceForDisksOfEsxWorks)
{
    // COWD: header, directory in sector 4, a table of 4096 entries in 8, grains of 4 KiB from 40.
    auto const disk = truth();
    Spoilt cowd{Bytes(40 * 512)};
    cowd.text(0, "COWD").le32(4, 1).le32(8, 3).le32(12, 6 * kMiB / 512).le32(16, 8);
    cowd.le32(20, 4).le32(24, 1).le32(4 * 512, 8);
    for (std::uint32_t i = 0; i < 6 * kMiB / kBlock; ++i) {
        cowd.le32(8 * 512 + 4 * i, static_cast<std::uint32_t>(cowd.size() / 512));
        auto const grain = std::span(disk).subspan(i * kBlock, kBlock);
        cowd.bytes.insert(cowd.bytes.end(), grain.begin(), grain.end());
    }
    auto const describe = [&](std::string_view type, std::string_view extent) {
        auto const text = fmt::format("# Disk DescriptorFile\nversion=1\nCID=12345678\n"
                                      "parentCID=ffffffff\ncreateType=\"{}\"\nRW 12288 {}\n",
                                      type, extent);
        write("DISK.vmdk", as_bytes(text));
    };
    write("part.vmdk", cowd.bytes);
    describe("vmfsSparse", "VMFSSPARSE \"part.vmdk\"");
    expect_advice("part.vmdk", "DISK.qcow2", Format::qcow2);
    expect_advice("DISK.vmdk", "DISK.vmdk.qcow2", Format::qcow2);
    describe("vmfs", "VMFS \"truth.raw\"");
    expect_advice("DISK.vmdk", "DISK.vmdk.qcow2", Format::qcow2);
    here("qemu-img convert -f raw -O vmdk -o subformat=twoGbMaxExtentSparse truth.raw DISK.vmdk");
    expect_advice("DISK-s001.vmdk", "DISK.qcow2", Format::qcow2);
}

/// A sparse VMDK of grains of 64 KiB, with grain tables of `entries`. The descriptor is sector 1,
/// the directory 21, tables from 22.
Bytes rare_vmdk(Bytes const& disk, std::uint32_t entries)
{
    namespace at = vmdk::at;
    Spoilt s{Bytes(128 * 512)};
    auto const sectors = disk.size() / 512;
    s.text(0, "KDMV").le32(at::kVersion, 1).le64(at::kCapacity, sectors);
    s.le32(at::kFlags, vmdk::kNewlineTest);
    s.le64(at::kGrain, 128).le64(at::kDescriptor, 1).le64(at::kDescriptorSectors, 20);
    s.le32(at::kTableEntries, entries).le64(at::kDirectory, 21).le64(at::kOverhead, 128);
    s.text(at::kNewlines, vmdk::kNewlines);
    s.text(512, "CID=12345678\nparentCID=ffffffff\ncreateType=\"monolithicSparse\"\n");
    auto const table_sectors = (entries * 4 + 511) / 512;
    for (std::uint32_t i = 0; i * 65536 < disk.size(); ++i) {
        auto const table = 22 + i / entries * table_sectors;
        s.le32(21 * 512 + i / entries * 4, table);
        s.le32(table * 512 + i % entries * 4, static_cast<std::uint32_t>(s.size() / 512));
        auto const grain = std::span(disk).subspan(std::size_t{i} * 65536, 65536);
        s.bytes.insert(s.bytes.end(), grain.begin(), grain.end());
    }
    return s.bytes;
}

TEST_F(SlowVariants, AdviceForRareVmdksWorks)
{
    write("tables.vmdk", rare_vmdk(truth(), 256));
    expect_advice("tables.vmdk", "tables.vmdk.qcow2", Format::qcow2);
}

TEST_F(SlowVariants, AdviceForFormatsThatQemuOnlyReadsWorks)
{
    write("disk.bochs", testing::bochs_of(truth()));
    write("disk.cloop", testing::cloop_of(truth()));
    write("disk.dmg", testing::dmg_of(truth()));
    for (auto const* const name : {"disk.bochs", "disk.cloop", "disk.dmg"})
        expect_advice(name, std::string(name) + ".qcow2", Format::qcow2);
}

TEST_F(SlowVariants, AdviceForWhatIsPackedWorks)
{
    struct Packer {
        char const* command;
        char const* ending;
    };
    for (auto const& one :
         {Packer{"gzip -kf", "gz"}, Packer{"xz -0kf", "xz"}, Packer{"zstd -qkf", "zst"},
          Packer{"bzip2 -kf", "bz2"}, Packer{"lz4 -qkf", "lz4"}}) {
        here(
            fmt::format("cp truth.raw 'my disk.raw' && if command -v {0} > /dev/null; then {0} 'my "
                        "disk.raw'; fi && rm 'my disk.raw'",
                        one.command));
        auto const name = fmt::format("my disk.raw.{}", one.ending);
        if (std::filesystem::exists(file(name)))
            expect_advice(name, "my disk.raw", Format::raw);
    }
    if (testing::has_tool("zip") && testing::has_tool("unzip")) {
        here("cp truth.raw inner.raw && zip -q disk.zip inner.raw && rm inner.raw");
        expect_advice("disk.zip", "inner.raw", Format::raw);
    }
}

TEST_F(SlowVariants, AdviceForArchivesWorks)
{
    here("qemu-img convert -f raw -O vmdk -o subformat=streamOptimized truth.raw disk.vmdk && "
         "gzip -k disk.vmdk && cp truth.raw disk.raw");
    write("two.ovf", as_bytes(testing::replaced(ovf_of("disk.vmdk"), "<Info/>",
                                                "<Disk ovf:fileRef=\"f1\"/>")));
    here("tar -cf two.ova ./two.ovf ./disk.vmdk && tar -cSf image.tar disk.raw && rm disk.raw");
    write("vm.ovf", as_bytes(ovf_of("disk.vmdk.gz", " ovf:compression=\"gzip\"")));
    here("tar -cf gzip.ova vm.ovf disk.vmdk.gz && mv disk.vmdk gone");
    expect_advice("two.ova", "disk.vmdk", Format::vmdk);
    here("rm disk.vmdk");
    expect_advice("gzip.ova", "disk.vmdk", Format::vmdk);
    expect_advice("image.tar", "disk.raw", Format::raw);
    here("qemu-img create -q -f qcow2 -b truth.raw -F raw child.qcow2");
    write("vm.ovf", as_bytes(ovf_of("child.qcow2")));
    here("tar -cf child.ova vm.ovf child.qcow2 && rm child.qcow2");
    expect_advice("child.ova", "child.qcow2.qcow2", Format::qcow2);
}

TEST_F(SlowVariants, AdviceToRepairWorks)
{
    here("qemu-img convert -f raw -O qcow2 truth.raw marked.qcow2");
    here("printf '\\002' | dd of=marked.qcow2 bs=1 seek=79 conv=notrunc status=none");
    expect_advice("marked.qcow2", "marked.qcow2", Format::qcow2);
}

TEST_F(SlowVariants, AFileThatIsWrittenToIsNotImported)
{
    using Change = std::function<Result<void>(File&)>;
    for (auto const& change :
         {Change([](File& disk) { return disk.write_at(0, Bytes(1)); }),
          Change([](File& disk) { return disk.write_at(40 * kMiB, Bytes(1)); }),
          Change([](File& disk) { return disk.truncate(20 * kMiB); })}) {
        here("head -c 40M /dev/zero | tr '\\0' x > truth.raw"); // enough for a report of progress
        auto const disk = posix_env().files.open(file("truth.raw"), Access::write).value();
        auto const stored =
            volumes_->import(file("truth.raw"), Format::raw, facts(64 * kMiB), [&](double) {
                VERIFY(change(*disk).ok());
                return true;
            });
        ASSERT_FALSE(stored.ok());
        EXPECT_EQ(stored.error().fault, Fault::invalid);
        EXPECT_NE(stored.error().message.find("was changed while it was read"), std::string::npos)
            << stored.error().message;
        EXPECT_TRUE(store_.snapshots.empty());
    }
}

TEST_F(SlowVariants, OddSizesOfRawFilesAreFilledUp)
{
    for (auto const* const size : {"1", "511", "513", "4097", "1000001"}) {
        here(fmt::format("head -c {} /dev/urandom > truth.raw && cp truth.raw odd.img", size));
        expect_truth("odd.img", Format::raw);
        here("qemu-img convert -f raw -O raw odd.img truth.raw");
        expect_same(file("truth.raw"));
        here("ln -sf odd.img link.img");
        expect_truth("link.img", Format::raw);
    }
}

} // namespace
} // namespace karat::volumes
