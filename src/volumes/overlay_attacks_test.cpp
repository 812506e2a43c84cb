// SPDX-License-Identifier: Apache-2.0
// What somebody who has taken over a machine's QEMU may leave in the place of its overlays. Karat
// reads them for captures, and gives them to the machine's next QEMU: neither may lead elsewhere.
#include "karat/volumes.hpp"

#include "qcow2_format.hpp"
#include "testing/fake_store.hpp"
#include "testing/host_tools.hpp"

#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace karat::volumes {
namespace {

namespace at = qcow2::at;
constexpr std::uint64_t kVolumeBytes = 1 << 20;
constexpr std::string_view kStrangersWords = "root:x:0:0";

class OverlayAttacks : public ::testing::Test {
protected:
    void SetUp() override
    {
        ASSERT_TRUE(volumes_->create_overlay(volume_, "1", kVolumeBytes).ok());
        ASSERT_TRUE(volumes_->create_overlay(volume_, "2", kVolumeBytes).ok());
        std::ofstream(secret_) << kStrangersWords;
    }
    std::string path() const { return volumes_->overlay_path(volume_, "2"); }

    void write(std::uint64_t where, std::span<std::byte const> bytes)
    {
        auto const file = posix_env().files.open(path(), Access::write).value();
        ASSERT_TRUE(file->write_at(where, bytes).ok());
    }
    template <class Number>
    void put(std::uint64_t where, Number value)
    {
        Bytes bytes(sizeof value);
        store_be(bytes, 0, value);
        write(where, bytes);
    }
    /// A header extension with text, where the header ends, and the end of extensions.
    void extend(std::uint32_t type, std::string_view text)
    {
        put<std::uint32_t>(qcow2::kHeaderBytesNew, type);
        put<std::uint32_t>(qcow2::kHeaderBytesNew + 4, static_cast<std::uint32_t>(text.size()));
        write(qcow2::kHeaderBytesNew + 8, as_bytes(text));
    }
    void name_backing(std::string_view name)
    {
        put<std::uint64_t>(at::kBackingOffset, 512);
        put<std::uint32_t>(at::kBackingLength, static_cast<std::uint32_t>(name.size()));
        write(512, as_bytes(name));
    }
    void replace(std::function<int()> const& make)
    {
        ASSERT_EQ(::unlink(path().c_str()), 0);
        ASSERT_EQ(make(), 0);
    }

    /// Neither a capture nor the machine's next start takes it, at once; the store has nothing.
    void expect_refused(std::string const& what)
    {
        auto const checked = volumes_->check_overlays(volume_, {"1", "2"}, kVolumeBytes);
        ASSERT_FALSE(checked.ok()) << what;
        EXPECT_EQ(checked.error().fault, Fault::corrupt) << what << checked.error().message;
        EXPECT_EQ(checked.error().message.find("qemu-img"), std::string::npos) << what;
        blocks::Facts facts;
        facts.name = "snap-new";
        facts.size_bytes = kVolumeBytes;
        auto const captured =
            volumes_->capture(volume_, {.overlays = {"1", "2"}}, std::move(facts), {});
        EXPECT_FALSE(captured.ok()) << what;
        EXPECT_TRUE(store_.snapshots.empty()) << what;
    }

    testing::Folder folder_;
    std::string secret_ = folder_ / "secret";
    testing::FakeStore store_;
    std::unique_ptr<Volumes> volumes_ = Volumes::open(posix_env(), store_, options()).value();
    VolumeId volume_ = VolumeId::parse("vol-00000000000000001").value();

private:
    Options options() const
    {
        Options options;
        options.directory = folder_ / "volumes";
        options.run_directory = folder_ / "run";
        options.store_directory = folder_ / "store";
        return options;
    }
};

TEST_F(OverlayAttacks, OwnOnesAreTaken)
{
    EXPECT_TRUE(volumes_->check_overlays(volume_, {"1", "2"}, kVolumeBytes).ok());
    EXPECT_TRUE(volumes_->check_overlays(volume_, {"1", "2"}, 2 * kVolumeBytes).ok()) << "it grew";
    EXPECT_TRUE(volumes_->check_overlays(volume_, {}, kVolumeBytes).ok());
}

TEST_F(OverlayAttacks, HeadersThatNameOtherFiles)
{
    name_backing(secret_);
    expect_refused("a backing file");
    name_backing("json:{\"driver\":\"file\",\"filename\":\"" + secret_ + "\"}");
    expect_refused("a backing file in JSON");
    name_backing("nbd:unix:/run/blk.sock:exportname=snap-00000000000000001");
    expect_refused("another's snapshot");
    put<std::uint64_t>(at::kBackingOffset, 0);
    extend(qcow2::kExtensionDataFile, secret_);
    expect_refused("a data file's name");
    put<std::uint64_t>(at::kIncompatible, qcow2::kExtendedL2 | qcow2::kDataFile);
    expect_refused("a data file");
    put<std::uint32_t>(qcow2::kHeaderBytesNew, 0);
    expect_refused("a data file without a name");
}

TEST_F(OverlayAttacks, HeadersThatLie)
{
    put<std::uint64_t>(at::kSize, 2 * kVolumeBytes);
    EXPECT_EQ(volumes_->check_overlays(volume_, {"1", "2"}, kVolumeBytes).error().message,
              "The overlay " + path() + " has a disk of 2097152 bytes, and its volume has 1048576");
    expect_refused("a larger disk");
    put<std::uint64_t>(at::kSize, std::uint64_t{1} << 62);
    expect_refused("an endless disk");
    put<std::uint64_t>(at::kSize, kVolumeBytes);
    put<std::uint64_t>(at::kRefcountOffset, std::uint64_t{1} << 60);
    expect_refused("refcounts far away");
    put<std::uint64_t>(at::kRefcountOffset, 0);
    expect_refused("refcounts over the header");
    put<std::uint64_t>(at::kRefcountOffset, 128 << 10);
    put<std::uint32_t>(at::kL1Entries, ~0U);
    expect_refused("a table of 32 GiB");
    put<std::uint32_t>(at::kL1Entries, 1);
    put<std::uint32_t>(at::kEncryption, 2);
    expect_refused("encryption");
    put<std::uint32_t>(at::kEncryption, 0);
    extend(qcow2::kExtensionEncryption, "0123456789abcdef");
    expect_refused("an encryption header");
    put<std::uint32_t>(qcow2::kHeaderBytesNew, 0);
    put<std::uint64_t>(at::kIncompatible, std::uint64_t{1} << 40);
    expect_refused("a feature of the future");
    put<std::uint64_t>(at::kIncompatible, qcow2::kExtendedL2);
    EXPECT_TRUE(volumes_->check_overlays(volume_, {"1", "2"}, kVolumeBytes).ok())
        << "all is as it was";
}

TEST_F(OverlayAttacks, OtherThingsInTheirPlace)
{
    auto const file = path();
    replace([&] { return ::symlink(secret_.c_str(), file.c_str()); });
    expect_refused("a symbolic link");
    replace([&] { return ::symlink(volumes_->overlay_path(volume_, "1").c_str(), file.c_str()); });
    expect_refused("a symbolic link to an overlay");
    replace([&] { return ::symlink(file.c_str(), file.c_str()); });
    expect_refused("a link to itself");
    replace([&] { return ::mkfifo(file.c_str(), 0600); });
    expect_refused("a named pipe");
    replace([&] { return ::symlink("/dev/zero", file.c_str()); });
    expect_refused("a device");
    replace([&] { return ::mkdir(file.c_str(), 0700); });
    expect_refused("a directory");
    ASSERT_EQ(::rmdir(file.c_str()), 0);
    expect_refused("nothing");
    std::ofstream(file) << kStrangersWords;
    expect_refused("another file");
    ASSERT_EQ(::truncate(file.c_str(), std::int64_t{8} << 40), 0);
    expect_refused("eight TiB of holes");
}

TEST_F(OverlayAttacks, WhatLiesBesideThemGoesWithTheVolume)
{
    auto const beside = path() + ".d";
    for (int i = 0; i < 2; ++i) {
        ASSERT_EQ(::mkdir(beside.c_str(), 0700), 0);
        ASSERT_EQ(::symlink(secret_.c_str(), (beside + "/link").c_str()), 0);
        ASSERT_TRUE(i == 0 ? volumes_->keep_overlays(volume_, {"1"}).ok()
                           : volumes_->remove(volume_).ok());
    }
    EXPECT_TRUE(std::filesystem::exists(secret_)) << "links are not followed";
    EXPECT_TRUE(volumes_->list().value().empty());
}

TEST_F(OverlayAttacks, AHugeSparseOverlayIsReadInNoTime)
{
    ASSERT_EQ(::truncate(path().c_str(), std::int64_t{8} << 40), 0);
    auto const checked = volumes_->check_overlays(volume_, {"1", "2"}, kVolumeBytes);
    EXPECT_TRUE(checked.ok()) << checked.error().message;
    blocks::Facts facts;
    facts.name = "snap-new";
    facts.size_bytes = kVolumeBytes;
    EXPECT_TRUE(volumes_->capture(volume_, {.overlays = {"1", "2"}}, std::move(facts), {}).ok());
    EXPECT_TRUE(store_.snapshots.at("snap-new").blocks.empty());
}

} // namespace
} // namespace karat::volumes
