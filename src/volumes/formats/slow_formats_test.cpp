// SPDX-License-Identifier: Apache-2.0
// Readers and writers of disk formats against QEMU's own: both ways, the same bytes.
#include "formats/writers.hpp"

#include "formats/formats.hpp"
#include "formats/tar.hpp"
#include "testing/fake_store.hpp"
#include "testing/host_tools.hpp"

#include <gtest/gtest.h>
#include <random>

namespace karat::volumes {
namespace {

using testing::FakeStore;
using testing::run;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kBlock = blocks::kBlockBytes;

class SlowFormats : public ::testing::Test {
protected:
    void SetUp() override
    {
        KARAT_REQUIRE("qemu-img", "qemu-utils");
        KARAT_REQUIRE("qemu-io", "qemu-utils");
        Options options;
        options.directory = folder_ / "volumes";
        options.run_directory = folder_ / "run";
        volumes_ = Volumes::open(posix_env(), store_, options).value();
    }

    static void must(std::string const& command)
    {
        auto const ran = run(command);
        ASSERT_EQ(ran.status, 0) << command << '\n' << ran.output;
    }
    std::string file(std::string_view name) const { return folder_ / name; }

    /// A raw disk with holes, noise, text and zeroes.
    void make_source(std::string const& path, std::uint64_t size_bytes)
    {
        auto const disk = posix_env().files.open(path, Access::create).value();
        ASSERT_TRUE(disk->truncate(0).ok());
        ASSERT_TRUE(disk->truncate(size_bytes).ok());
        for (std::uint64_t at = 0; at + 300000 < size_bytes; at += random_() % 900000 + 512) {
            Bytes piece(random_() % 300000);
            auto const kind = random_() % 3;
            for (std::size_t i = 0; i < piece.size() && kind > 0; ++i)
                piece[i] = static_cast<std::byte>(kind == 1 ? random_() : i % 251);
            ASSERT_TRUE(disk->write_at(at, piece).ok());
            if (random_() % 8 == 0)
                at += size_bytes / 8;
        }
    }

    void import(std::string const& image, Format format)
    {
        auto const told = volumes_->inspect(image, std::nullopt);
        ASSERT_TRUE(told.ok()) << told.error().message;
        EXPECT_EQ(told.value().format, format);
        blocks::Facts facts;
        facts.name = kSnapshot;
        facts.size_bytes = (told.value().virtual_size_bytes + kBlock - 1) / kBlock * kBlock;
        store_ = FakeStore();
        auto const stored = volumes_->import(image, format, facts, {});
        ASSERT_TRUE(stored.ok()) << stored.error().message;
    }

    /// Our blocks are those of the raw disk.
    void expect_same(std::string const& raw)
    {
        auto const disk = posix_env().files.open(raw, Access::read).value();
        auto const& snapshot = store_.snapshots.at(kSnapshot);
        auto const size = disk->size_bytes().value();
        Bytes const zeroes(kBlock);
        ASSERT_GE(snapshot.facts.size_bytes, size);
        for (std::uint64_t index = 0; index < snapshot.facts.size_bytes / kBlock; ++index) {
            Bytes expected(kBlock);
            if (index * kBlock < size) { // what is missing there is zero
                ASSERT_TRUE(disk->read_at(index * kBlock, expected).ok());
            }
            auto const found = snapshot.blocks.find(index);
            auto const& ours = found == snapshot.blocks.end() ? zeroes : found->second;
            ASSERT_TRUE(ours == expected) << "block " << index;
        }
    }

    /// What QEMU reads from the file, ours must be too.
    void expect_import_equals_qemu(std::string const& image, Format format,
                                   std::string const& qemu_format)
    {
        must("qemu-img convert -f " + qemu_format + " -O raw " + image + ' ' + file("peer.raw"));
        import(image, format);
        expect_same(file("peer.raw"));
    }

    void expect_reads(std::string const& qemu_format, Format format,
                      std::vector<std::string> const& options)
    {
        for (auto const size : {24 * kMiB + 512, 130 * kMiB}) {
            make_source(file("source"), size);
            for (auto const& option : options) {
                SCOPED_TRACE(qemu_format + ' ' + option);
                must(fmt::format("qemu-img convert -f raw -O {} {} {} {}", qemu_format, option,
                                 file("source"), file("disk")));
                expect_import_equals_qemu(file("disk"), format, qemu_format);
                std::filesystem::remove(file("disk"));
            }
        }
    }

    /// Disks that QEMU wrote to at random places, not copied in order.
    void expect_reads_written(std::string const& qemu_format, Format format,
                              std::string const& option)
    {
        auto const image = file("disk");
        must(fmt::format("qemu-img create -f {} {} {} 80M", qemu_format, option, image));
        for (int round = 0; round < 3; ++round) {
            std::string words;
            for (int i = 0; i < 40; ++i)
                words +=
                    fmt::format(" -c 'write {} {} {}'",
                                random_() % 5 == 0 ? "-z" : fmt::format("-P {}", i % 250 + 1),
                                random_() % (70 * kMiB / 512) * 512, (random_() % 800 + 1) * 512);
            must("qemu-io -f " + qemu_format + words + ' ' + image);
            expect_import_equals_qemu(image, format, qemu_format);
        }
        std::filesystem::remove(image);
    }

    /// A snapshot in the store, of which raw is the truth.
    void make_snapshot(std::uint64_t size_bytes)
    {
        make_source(file("truth.raw"), size_bytes);
        import(file("truth.raw"), Format::raw);
    }

    void expect_written(ImageForm form, std::string const& qemu_format, bool check)
    {
        SCOPED_TRACE(std::string(word(form)));
        auto const image = file("out");
        auto const snapshot = SnapshotId::parse(kSnapshot).value();
        auto const written = volumes_->write_image(snapshot, image, form, {});
        ASSERT_TRUE(written.ok()) << written.error().message;
        EXPECT_EQ(written.value().file_bytes, std::filesystem::file_size(image));
        if (check)
            must("qemu-img check -f " + qemu_format + ' ' + image);
        must("qemu-img compare -f raw -F " + qemu_format + ' ' + file("truth.raw") + ' ' + image);
        // And our own reader agrees.
        import(image, form == ImageForm::raw ? Format::raw : parse_format(base(form)).value());
        expect_same(file("truth.raw"));
    }

    static std::string base(ImageForm form)
    {
        auto const text = std::string(word(form));
        return text.substr(0, text.find('-'));
    }

    static constexpr char const* kSnapshot = "snap-00000000000000001";
    std::mt19937_64 random_{20260102};
    testing::Folder folder_;
    FakeStore store_;
    std::unique_ptr<Volumes> volumes_;
};

TEST_F(SlowFormats, ReadsVmdkOfQemu)
{
    expect_reads("vmdk", Format::vmdk,
                 {"", "-o subformat=monolithicSparse", "-o zeroed_grain=on", "-S 0",
                  "-o subformat=streamOptimized", "-o compat6=on"});
    expect_reads_written("vmdk", Format::vmdk, "");
    expect_reads_written("vmdk", Format::vmdk, "-o zeroed_grain=on");
}

TEST_F(SlowFormats, ReadsVhdOfQemu)
{
    expect_reads("vpc", Format::vhd,
                 {"", "-o subformat=fixed", "-o subformat=dynamic,force_size=on", "-S 0"});
    expect_reads_written("vpc", Format::vhd, "-o force_size=on");
}

TEST_F(SlowFormats, ReadsVhdxOfQemu)
{
    expect_reads("vhdx", Format::vhdx,
                 {"", "-o subformat=fixed", "-o block_size=1M", "-o block_size=64M",
                  "-o block_state_zero=off", "-S 0"});
    expect_reads_written("vhdx", Format::vhdx, "-o block_size=1M");
}

TEST_F(SlowFormats, RefusesWhatReachesOutside)
{
    for (auto const* const subformat :
         {"monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat"}) {
        must(fmt::format("qemu-img create -f vmdk -o subformat={} {} 1M", subformat,
                         file("parts.vmdk")));
        auto const told = volumes_->inspect(file("parts.vmdk"), std::nullopt);
        ASSERT_FALSE(told.ok()) << subformat;
        EXPECT_EQ(told.error().fault, Fault::unsupported) << told.error().message;
    }
    must("qemu-img create -f vmdk " + file("base.vmdk") + " 1M");
    must(fmt::format("cd {} && qemu-img create -f vmdk -b base.vmdk -F vmdk child.vmdk",
                     folder_.path()));
    auto const told = volumes_->inspect(file("child.vmdk"), std::nullopt);
    ASSERT_FALSE(told.ok());
    EXPECT_EQ(told.error().fault, Fault::unsupported) << told.error().message;
}

TEST_F(SlowFormats, QemuReadsWhatWeWrite)
{
    for (auto const size : {kBlock, 3 * kMiB, 130 * kMiB + kBlock, 520 * kMiB}) {
        SCOPED_TRACE(size);
        make_snapshot(size);
        expect_written(ImageForm::raw, "raw", false);
        expect_written(ImageForm::qcow2, "qcow2", true);
        expect_written(ImageForm::vmdk, "vmdk", true);
        expect_written(ImageForm::vmdk_sparse, "vmdk", true);
        expect_written(ImageForm::vhd, "vpc", false);
        expect_written(ImageForm::vhd_fixed, "vpc", false);
        expect_written(ImageForm::vhdx, "vhdx", true);
    }
}

TEST_F(SlowFormats, AnOvaIsATarWhoseSumsHold)
{
    make_snapshot(40 * kMiB);
    auto const snapshot = SnapshotId::parse(kSnapshot).value();
    auto const image = file("web server.ova");
    auto const written = volumes_->write_image(snapshot, image, ImageForm::ova, {});
    ASSERT_TRUE(written.ok()) << written.error().message;
    must(fmt::format("cd {} && tar -xf 'web server.ova' && sha256sum web_server.ovf "
                     "web_server.vmdk && sed 's/SHA256(\\(.*\\))= \\(.*\\)/\\2  \\1/' "
                     "web_server.mf | sha256sum -c",
                     folder_.path()));
    must("qemu-img compare -f raw -F vmdk " + file("truth.raw") + ' ' + file("web_server.vmdk"));
    import(image, Format::ova);
    expect_same(file("truth.raw"));
    // As other programs pack it: larger blocks, extended headers.
    must(fmt::format("cd {} && tar --format=pax -cf pax.ova web_server.ovf web_server.vmdk "
                     "&& tar --format=gnu -cf gnu.ova web_server.ovf web_server.vmdk",
                     folder_.path()));
    for (auto const* const name : {"pax.ova", "gnu.ova"}) {
        import(file(name), Format::ova);
        expect_same(file("truth.raw"));
    }
}

TEST_F(SlowFormats, HolesAreKept)
{
    auto const disk = posix_env().files.open(file("truth.raw"), Access::create_new).value();
    ASSERT_TRUE(disk->truncate(1024 * kMiB).ok());
    for (std::uint64_t at = 0; at < 1024 * kMiB; at += 32 * kMiB)
        ASSERT_TRUE(disk->write_at(at, Bytes(kBlock, std::byte{7})).ok());
    import(file("truth.raw"), Format::raw);
    auto const snapshot = SnapshotId::parse(kSnapshot).value();
    for (auto const form :
         {ImageForm::raw, ImageForm::qcow2, ImageForm::vmdk, ImageForm::vmdk_sparse, ImageForm::vhd,
          ImageForm::vhd_fixed, ImageForm::vhdx, ImageForm::ova}) {
        auto const written = volumes_->write_image(snapshot, file("out"), form, {});
        ASSERT_TRUE(written.ok()) << written.error().message;
        auto const used = run("du --block-size=1 " + file("out"));
        EXPECT_LT(std::stoull(used.output), 2 * kMiB) << word(form); // of 128 KiB of data
    }
}

} // namespace
} // namespace karat::volumes
