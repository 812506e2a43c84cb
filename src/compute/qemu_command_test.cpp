// SPDX-License-Identifier: Apache-2.0
#include "qemu_command.hpp"

#include "block_nodes.hpp"
#include "line_buffer.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace karat::compute {
namespace {

InstanceId const kInstance = InstanceId::parse("i-0123456789abcdef0").value();
VolumeId const kVolume = VolumeId::parse("vol-0123456789abcdef0").value();

Disk disk()
{
    return {.volume = kVolume,
            .backing = Backing{"/run/blk.sock", "snap-1"},
            .overlays = {"/v/1.qcow2", "/v/2.qcow2"}};
}

std::string command(Machine const& machine)
{
    std::string text;
    for (std::string const& word :
         qemu_arguments(machine, Folder("/run/karat", kInstance), {}, "tcg"))
        text += word + '\n';
    return text;
}

bool says(std::string const& text, std::string const& part)
{
    return text.find(part) != std::string::npos;
}

TEST(QemuCommand, LooksLikeEc2)
{
    auto const uuid = smbios_uuid(kInstance);
    EXPECT_EQ(uuid.size(), 36U);
    EXPECT_TRUE(uuid.starts_with("ec2"));
    EXPECT_EQ(uuid, smbios_uuid(kInstance));
    EXPECT_NE(uuid, smbios_uuid(InstanceId::parse("i-0123456789abcdef1").value()));
    EXPECT_EQ(disk_serial(kVolume), "vol0123456789abcdef0");

    auto const text = command({.id = kInstance, .type_name = "t3,x", .disks = {disk()}});
    EXPECT_TRUE(says(text, "product=t3,,x,uuid=" + uuid + ",serial=" + uuid));
    EXPECT_TRUE(says(text, "type=2,manufacturer=Amazon EC2,asset=i-0123456789abcdef0"));
    EXPECT_TRUE(says(text, "serial=vol0123456789abcdef0"));
}

TEST(QemuCommand, ProcessorsAreCoresOfThreads)
{
    auto const text =
        command({.id = kInstance, .vcpus = 8, .threads_per_core = 2, .disks = {disk()}});
    EXPECT_TRUE(says(text, "-smp\n8,sockets=1,cores=4,threads=2\n"));
}

TEST(QemuCommand, PutsAChainTogether)
{
    auto const text = command({.id = kInstance, .disks = {disk()}});
    auto const lower = overlay_node("/v/1.qcow2");
    EXPECT_TRUE(says(text, "\"export\":\"snap-1\""));
    EXPECT_TRUE(says(text, "\"backing\":\"" + backing_node(kVolume, *disk().backing) + '"'));
    EXPECT_TRUE(says(text, "\"backing\":\"" + lower + '"'));
    EXPECT_TRUE(says(text, "drive=" + overlay_node("/v/2.qcow2")));
    EXPECT_FALSE(says(text, "pflash"));
    EXPECT_TRUE(says(command({.id = kInstance, .uefi = true, .disks = {disk()}}), "pflash1="));
    auto alone = disk();
    alone.backing.reset();
    EXPECT_TRUE(says(command({.id = kInstance, .disks = {alone}}), "\"backing\":null"));
}

TEST(BlockNodes, AreNamedWithinQemusLimit)
{
    for (auto const& name : chain_of(disk()))
        EXPECT_LE(name.size(), 31U);
    auto other = *disk().backing;
    other.name = "snap-2";
    EXPECT_NE(backing_node(kVolume, other), backing_node(kVolume, *disk().backing));
}

Json graph_json()
{
    return Json::parse(R"({"nodes": [
        {"id": 1, "type": "block-backend",
         "name": "/machine/peripheral/vol-0123456789abcdef0/virtio-backend"},
        {"id": 2, "type": "block-driver", "name": "o11111111111111111111111a"},
        {"id": 3, "type": "block-driver", "name": "f11111111111111111111111a"},
        {"id": 4, "type": "block-driver", "name": "b11111111111111111111111a"},
        {"id": 5, "type": "block-driver", "name": "o11111111111111111111111b"},
        {"id": 6, "type": "block-driver", "name": "uefi-vars"}],
      "edges": [
        {"parent": 1, "child": 2, "name": "root"},
        {"parent": 2, "child": 3, "name": "file"},
        {"parent": 2, "child": 4, "name": "backing"}]})");
}

TEST(BlockGraph, TellsChainsAndWhatIsUnused)
{
    auto const graph = BlockGraph::parse(graph_json()).value();
    EXPECT_EQ(graph.chain(kVolume).value(),
              (std::vector<std::string>{"o11111111111111111111111a", "b11111111111111111111111a"}));
    EXPECT_EQ(graph.unused(), std::vector<std::string>{"o11111111111111111111111b"});
    EXPECT_EQ(graph.left_over(), graph.unused());
    auto const other = VolumeId::parse("vol-0123456789abcdef1").value();
    EXPECT_EQ(graph.chain(other).error().fault, Fault::not_found);
}

TEST(BlockGraph, TellsWhatADeviceThatIsGoneStillHolds)
{
    auto json = graph_json();
    json["nodes"][0]["name"] = "";
    auto const graph = BlockGraph::parse(json).value();
    EXPECT_EQ(graph.unused(), std::vector<std::string>{"o11111111111111111111111b"});
    EXPECT_EQ(graph.left_over(),
              (std::vector<std::string>{"o11111111111111111111111a", "f11111111111111111111111a",
                                        "b11111111111111111111111a", "o11111111111111111111111b"}));
}

TEST(BlockGraph, RefusesWhatItCannotRead)
{
    EXPECT_FALSE(BlockGraph::parse(Json::object()).ok());
    for (auto const* const member : {"id", "type", "name"}) {
        auto json = graph_json();
        json["nodes"][0].erase(member);
        EXPECT_FALSE(BlockGraph::parse(json).ok()) << member;
    }
    auto looped = graph_json();
    looped["edges"].push_back({{"parent", 4U}, {"child", 2U}, {"name", "backing"}});
    EXPECT_LE(BlockGraph::parse(looped).value().chain(kVolume).value().size(), 6U);
}

TEST(LineBuffer, CutsAnyPiecesIntoLines)
{
    LineBuffer lines(8);
    std::string text;
    for (auto const* const piece : {"ab", "c\r\nde\n", "\n", "fghi"}) {
        ASSERT_TRUE(lines.add(piece).ok());
        while (auto const line = lines.next())
            text += '[' + *line + ']';
    }
    EXPECT_EQ(text, "[abc][de][]");
    EXPECT_TRUE(lines.add("jklm").ok());
    EXPECT_EQ(lines.add("n").error().fault, Fault::exhausted);
}

} // namespace
} // namespace karat::compute
