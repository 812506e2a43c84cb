// SPDX-License-Identifier: Apache-2.0
// What the tests against QEMU's own programs share: disks to convert, and the comparison of what
// we stored with what qemu-img reads.
#pragma once

#include "karat/volumes.hpp"

#include "testing/fake_store.hpp"
#include "testing/host_tools.hpp"

#include <random>

namespace karat::volumes::testing {

/// Skips where QEMU's programs are missing.
class QemuPeer : public ::testing::Test {
protected:
    static constexpr std::uint64_t kMiB = 1 << 20;
    static constexpr std::uint64_t kBlock = blocks::kBlockBytes;
    static constexpr char const* kSnapshot = "snap-00000000000000001";

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

    static blocks::Facts facts(std::uint64_t size_bytes)
    {
        blocks::Facts facts;
        facts.name = kSnapshot;
        facts.size_bytes = (size_bytes + kBlock - 1) / kBlock * kBlock;
        return facts;
    }

    /// A raw disk with short and long holes, noise, text and zeroes.
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
        store_ = FakeStore();
        auto const stored =
            volumes_->import(image, format, facts(told.value().virtual_size_bytes), {});
        ASSERT_TRUE(stored.ok()) << stored.error().message;
    }

    /// Our blocks of kSnapshot are those of the raw disk.
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

    std::mt19937_64 random_{20260101};
    Folder folder_;
    FakeStore store_;
    std::unique_ptr<Volumes> volumes_;
};

} // namespace karat::volumes::testing
