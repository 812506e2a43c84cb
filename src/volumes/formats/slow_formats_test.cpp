// SPDX-License-Identifier: Apache-2.0
// Readers and writers of disk formats against QEMU's own: both ways, the same bytes.
#include "formats/writers.hpp"

#include "formats/formats.hpp"
#include "formats/tar.hpp"
#include "testing/qemu_peer.hpp"

#include <gtest/gtest.h>

namespace karat::volumes {
namespace {

using testing::FakeStore;
using testing::run;

class SlowFormats : public testing::QemuPeer {
protected:
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
