// SPDX-License-Identifier: Apache-2.0
#include "karat/ids.hpp"
#include "karat/memory_env.hpp"

#include <gtest/gtest.h>

namespace karat {
namespace {

TEST(Ids, AcceptEc2sTwoLengthsOnly)
{
    EXPECT_TRUE(ImageId::parse("ami-0123456789abcdef0").ok());
    EXPECT_TRUE(ImageId::parse("ami-01234567").ok());
    for (auto const* const bad :
         {"", "ami-", "ami-0123456789abcdef", "ami-0123456789ABCDEF0", "snap-0123456789abcdef0",
          "ami-0123456789abcdefg", "ami-0123456789abcdef00"})
        EXPECT_FALSE(ImageId::parse(bad).ok()) << bad;
    EXPECT_EQ(ImageId::parse("web").error().message, "Invalid id: \"web\" (expecting \"ami-...\")");
}

TEST(Ids, GeneratedOnesParse)
{
    SeededChance chance(7);
    auto const id = VolumeId::generate(chance);
    EXPECT_EQ(VolumeId::parse(id.text()).value(), id);
    EXPECT_EQ(id.text().size(), 21U); // what a virtio-blk serial holds
    EXPECT_TRUE(AccountId::parse(AccountId::generate(chance).text()).ok());
}

} // namespace
} // namespace karat
