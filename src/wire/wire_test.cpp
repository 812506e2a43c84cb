// SPDX-License-Identifier: Apache-2.0
#include "karat/wire/ec2.hpp"

#include <gtest/gtest.h>

namespace karat::wire {
namespace {

TEST(Readers, FillARunInstancesRequest)
{
    auto const request = ec2::read_run_instances_request({{"MinCount", "1"},
                                                          {"MaxCount", "2"},
                                                          {"ImageId", "ami-1"},
                                                          {"SecurityGroupId.2", "sg-2"},
                                                          {"SecurityGroupId.1", "sg-1"}});
    ASSERT_TRUE(request.ok()) << request.error().message;
    EXPECT_EQ(request.value().max_count, 2);
    EXPECT_EQ(request.value().image_id, "ami-1");
    EXPECT_EQ(request.value().security_group_ids, (std::vector<std::string>{"sg-1", "sg-2"}));
}

} // namespace
} // namespace karat::wire
