// SPDX-License-Identifier: Apache-2.0
#include "fixture.hpp"

namespace karat::catalog {
namespace {

struct RoundTrip : OverBoth {};

TEST_P(RoundTrip, Accounts)
{
    auto const account = sample<Account>();
    auto key = sample<AccessKey>();
    key.account = account.id;
    ASSERT_TRUE(save(account, key).ok());
    reopen();
    EXPECT_EQ(text(ask(&View::account, account.id)), text(account));
    EXPECT_EQ(text(ask(&View::account_by_name, account.name)), text(account));
    EXPECT_EQ(text(ask(&View::account_by_alias, account.alias)), text(account));
    EXPECT_EQ(text(ask(&View::account_by_alias, std::string())), "(nothing)");
    EXPECT_EQ(text(ask(&View::access_key, key.id)), text(key));
    EXPECT_EQ(ids(ask(&View::access_keys, account.id)), std::vector{key.id});
    EXPECT_EQ(ids(ask(&View::accounts)), std::vector{account.id.text()});
}

TEST_P(RoundTrip, Images)
{
    auto const image = sample<Image>();
    ASSERT_TRUE(save(image).ok());
    reopen();
    EXPECT_EQ(text(ask(&View::image, image.id)), text(image));
    EXPECT_EQ(text(ask(&View::image_by_name, all_of(image), image.name)), text(image));
    EXPECT_EQ(ids(ask(&View::images, all_of(image))), std::vector{image.id.text()});
    EXPECT_EQ(ids(ask(&View::images_with, *image.devices[1].snapshot)),
              std::vector{image.id.text()});
}

TEST_P(RoundTrip, SnapshotsAndVolumes)
{
    auto const snapshot = sample<Snapshot>();
    auto const volume = sample<Volume>();
    ASSERT_TRUE(save(snapshot, volume).ok());
    reopen();
    EXPECT_EQ(text(ask(&View::snapshot, snapshot.id)), text(snapshot));
    EXPECT_EQ(ids(ask(&View::snapshots, all_of(snapshot))), std::vector{snapshot.id.text()});
    EXPECT_EQ(text(ask(&View::volume, volume.id)), text(volume));
    EXPECT_EQ(ids(ask(&View::volumes, all_of(volume))), std::vector{volume.id.text()});
    EXPECT_EQ(ids(ask(&View::volumes_of, volume.attachment->instance)),
              std::vector{volume.id.text()});
    EXPECT_EQ(ids(ask(&View::volumes_over, *volume.layers.base)), std::vector{volume.id.text()});
}

TEST_P(RoundTrip, InstancesAndTheirSurroundings)
{
    auto const instance = sample<Instance>();
    auto const group = sample<SecurityGroup>();
    auto const vpc = sample<Vpc>();
    auto const subnet = sample<Subnet>();
    auto const key = sample<KeyPair>();
    auto const parameter = sample<Parameter>();
    ASSERT_TRUE(save(instance, group, vpc, subnet, key, parameter).ok());
    reopen();
    EXPECT_EQ(text(ask(&View::instance, instance.id)), text(instance));
    EXPECT_EQ(ids(ask(&View::instances, all_of(instance))), std::vector{instance.id.text()});
    EXPECT_EQ(text(ask(&View::security_group, group.id)), text(group));
    EXPECT_EQ(text(ask(&View::security_groups, all_of(group)).at(0)), text(group));
    EXPECT_EQ(text(ask(&View::vpcs, all_of(vpc)).at(0)), text(vpc));
    EXPECT_EQ(text(ask(&View::subnets, all_of(subnet)).at(0)), text(subnet));
    EXPECT_EQ(text(ask(&View::key_pair, all_of(key), key.name)), text(key));
    EXPECT_EQ(ids(ask(&View::key_pairs, all_of(key))), std::vector{key.id.text()});
    EXPECT_EQ(text(ask(&View::parameter, all_of(parameter), parameter.name)), text(parameter));
}

OVER_BOTH(RoundTrip);

} // namespace
} // namespace karat::catalog
