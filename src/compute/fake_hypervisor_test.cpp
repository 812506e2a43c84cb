// SPDX-License-Identifier: Apache-2.0
#include "karat/fake_hypervisor.hpp"

#include "karat/memory_env.hpp"

#include <gtest/gtest.h>

namespace karat::compute {
namespace {

InstanceId const kInstance = InstanceId::parse("i-0123456789abcdef0").value();
VolumeId const kVolume = VolumeId::parse("vol-0123456789abcdef0").value();

class FakeTest : public testing::Test {
protected:
    FakeTest()
    {
        VERIFY(memory_.files.make_dirs("/v").ok());
        touch("/v/1.qcow2");
        touch("/v/2.qcow2");
        hypervisor_.listen([this](InstanceId const& id, Event event) {
            heard_ += id.text() + (event == Event::shut_down ? " shut_down\n" : " died\n");
        });
    }

    void touch(std::string const& path) { memory_.files.open(path, Access::create).value(); }

    static Machine machine()
    {
        return {.id = kInstance,
                .disks = {{.volume = kVolume,
                           .backing = Backing{"/blk.sock", "a"},
                           .overlays = {"/v/1.qcow2"}}}};
    }

    MemoryEnv memory_;
    FakeHypervisor hypervisor_{memory_.env()};
    std::string heard_;
};

TEST_F(FakeTest, StartsOnceAndPrints)
{
    ASSERT_TRUE(hypervisor_.start(machine()).ok());
    ASSERT_TRUE(hypervisor_.start(machine()).ok());
    EXPECT_EQ(hypervisor_.power(kInstance).value(), Power::running);
    EXPECT_EQ(hypervisor_.running().value(), std::vector{kInstance});
    EXPECT_EQ(hypervisor_.console(kInstance, 1000).value(), "fake: i-0123456789abcdef0 started\n");
    EXPECT_EQ(hypervisor_.console(kInstance, 8).value(), "started\n");
}

TEST_F(FakeTest, TellsOfEndsThatNobodyAskedFor)
{
    ASSERT_TRUE(hypervisor_.start(machine()).ok());
    ASSERT_TRUE(hypervisor_.request_shutdown(kInstance).ok());
    ASSERT_TRUE(hypervisor_.start(machine()).ok());
    hypervisor_.die(kInstance);
    ASSERT_TRUE(hypervisor_.start(machine()).ok());
    ASSERT_TRUE(hypervisor_.kill(kInstance).ok());
    EXPECT_EQ(heard_, "i-0123456789abcdef0 shut_down\ni-0123456789abcdef0 died\n");
    EXPECT_EQ(hypervisor_.request_shutdown(kInstance).error().fault, Fault::not_found);
}

TEST_F(FakeTest, KeepsChains)
{
    ASSERT_TRUE(hypervisor_.start(machine()).ok());
    std::vector<Swap> const swaps{{.volume = kVolume, .overlay = "/v/2.qcow2"}};
    ASSERT_TRUE(hypervisor_.swap_overlays(kInstance, swaps).ok());
    ASSERT_TRUE(hypervisor_.swap_overlays(kInstance, swaps).ok());
    EXPECT_EQ(hypervisor_.disk(kVolume)->overlays,
              (std::vector<std::string>{"/v/1.qcow2", "/v/2.qcow2"}));

    auto disk = *hypervisor_.disk(kVolume);
    disk.overlays = {"/v/2.qcow2"};
    disk.backing = Backing{"/blk.sock", "b"};
    ASSERT_TRUE(hypervisor_.rebase(kInstance, disk).ok());
    ASSERT_TRUE(hypervisor_.rebase(kInstance, disk).ok());
    EXPECT_EQ(hypervisor_.disk(kVolume)->overlays, (std::vector<std::string>{"/v/2.qcow2"}));
    EXPECT_EQ(hypervisor_.disk(kVolume)->backing->name, "b");

    disk.overlays = {"/v/1.qcow2"}; // let go already
    EXPECT_EQ(hypervisor_.rebase(kInstance, disk).error().fault, Fault::wrong_state);
}

TEST_F(FakeTest, RefusesOverlaysThatDoNotExist)
{
    auto lost = machine();
    lost.disks[0].overlays = {"/v/3.qcow2"};
    EXPECT_EQ(hypervisor_.start(lost).error().fault, Fault::not_found);
    ASSERT_TRUE(hypervisor_.start(machine()).ok());
    std::vector<Swap> const swaps{{.volume = kVolume, .overlay = "/v/3.qcow2"}};
    EXPECT_EQ(hypervisor_.swap_overlays(kInstance, swaps).error().fault, Fault::not_found);
}

TEST_F(FakeTest, FailsWhenTold)
{
    hypervisor_.fail_next("start", Fault::unavailable);
    EXPECT_EQ(hypervisor_.start(machine()).error().fault, Fault::unavailable);
    EXPECT_EQ(hypervisor_.power(kInstance).value(), Power::off);
    EXPECT_TRUE(hypervisor_.start(machine()).ok());
}

TEST_F(FakeTest, ForgetsOnlyWhatIsOff)
{
    ASSERT_TRUE(hypervisor_.start(machine()).ok());
    EXPECT_EQ(hypervisor_.forget(kInstance).error().fault, Fault::wrong_state);
    ASSERT_TRUE(hypervisor_.kill(kInstance).ok());
    EXPECT_NE(hypervisor_.console(kInstance, 100).value(), "");
    ASSERT_TRUE(hypervisor_.forget(kInstance).ok());
    EXPECT_EQ(hypervisor_.console(kInstance, 100).value(), "");
}

} // namespace
} // namespace karat::compute
