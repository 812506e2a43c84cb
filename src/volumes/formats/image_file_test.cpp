// SPDX-License-Identifier: Apache-2.0
// An exported file is there whole, or not at all.
#include "formats/writers.hpp"

#include "karat/memory_env.hpp"
#include "testing/fake_store.hpp"

#include <gtest/gtest.h>

namespace karat::volumes {
namespace {

constexpr auto kBlock = blocks::kBlockBytes;

class ImageFile : public ::testing::Test {
protected:
    void SetUp() override
    {
        snapshot_.facts.name = "snap";
        snapshot_.facts.size_bytes = 24 << 20;
        for (std::uint64_t i = 0; i < 3000; ++i) // more than a progress report's worth
            snapshot_.blocks[i] = Bytes(kBlock, static_cast<std::byte>(i % 255 + 1));
        ASSERT_TRUE(world_.files.make_dirs("out").ok());
        ASSERT_TRUE(replace_file(world_.files, "out/disk", as_bytes("old")).ok());
    }

    Result<WrittenImage> write(ImageForm form, Progress const& progress = {})
    {
        return write_image_file(world_.files, testing::FakeView(snapshot_), "out/disk", form,
                                progress);
    }

    void expect_old()
    {
        EXPECT_EQ(as_text(read_file(world_.files, "out/disk", 100).value()), "old");
        EXPECT_EQ(world_.files.list("out").value(), std::vector<std::string>{"disk"});
    }

    MemoryEnv world_;
    testing::FakeSnapshot snapshot_;
};

constexpr ImageForm kForms[] = {ImageForm::raw,  ImageForm::qcow2,     ImageForm::vmdk,
                                ImageForm::vhd,  ImageForm::vhd_fixed, ImageForm::vmdk_sparse,
                                ImageForm::vhdx, ImageForm::ova};

TEST_F(ImageFile, EndingItLeavesWhatWasThere)
{
    for (auto const form : kForms) {
        auto const written = write(form, [](double share) {
            EXPECT_GT(share, 0);
            return false;
        });
        ASSERT_FALSE(written.ok());
        EXPECT_EQ(written.error().fault, Fault::unavailable);
        expect_old();
    }
}

TEST_F(ImageFile, AFailureOfTheDiskLeavesWhatWasThere)
{
    for (auto const* const broken : {"write", "sync", "rename"}) {
        world_.files.set_hook([&](std::string_view operation, std::string const&) -> Result<void> {
            if (operation == broken)
                return fail(Fault::io, "broken");
            return {};
        });
        EXPECT_FALSE(write(ImageForm::qcow2).ok()) << broken;
        world_.files.set_hook({});
        expect_old();
    }
}

TEST_F(ImageFile, WhatACrashLeftIsNoHindrance)
{
    ASSERT_TRUE(replace_file(world_.files, unfinished_image("out/disk"), as_bytes("half")).ok());
    ASSERT_TRUE(write(ImageForm::raw).ok());
    EXPECT_EQ(world_.files.list("out").value(), std::vector<std::string>{"disk"});
}

TEST_F(ImageFile, IsDurableWhenItIsAcknowledged)
{
    auto const written = write(ImageForm::vhd);
    ASSERT_TRUE(written.ok());
    world_.files.crash();
    auto const held = read_file(world_.files, "out/disk", 64 << 20);
    ASSERT_TRUE(held.ok());
    EXPECT_EQ(held.value().size(), written.value().file_bytes);
}

using SlowImageFile = ImageFile;
TEST_F(SlowImageFile, EqualSnapshotsMakeEqualFiles)
{
    for (auto const form : kForms) {
        ASSERT_TRUE(write(form).ok());
        auto const first = read_file(world_.files, "out/disk", 64 << 20).value();
        world_.clock.advance(std::chrono::hours(1));
        ASSERT_TRUE(write(form).ok());
        EXPECT_TRUE(read_file(world_.files, "out/disk", 64 << 20).value() == first) << word(form);
    }
}

TEST_F(ImageFile, ADiskThatAFormCannotHoldIsRefused)
{
    snapshot_.blocks.clear();
    snapshot_.facts.size_bytes = std::uint64_t{3} << 40;
    for (auto const form : {ImageForm::vmdk, ImageForm::vmdk_sparse, ImageForm::vhd,
                            ImageForm::vhd_fixed, ImageForm::ova}) {
        auto const written = write(form);
        ASSERT_FALSE(written.ok());
        EXPECT_EQ(written.error().fault, Fault::invalid) << written.error().message;
    }
    expect_old();
}

} // namespace
} // namespace karat::volumes
