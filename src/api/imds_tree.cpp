// SPDX-License-Identifier: Apache-2.0
// The metadata tree, with the names of EC2's user guide ("Instance metadata categories"). Every
// name that a folder lists can be read: one that could not would make cloud-init drop all of it.
#include "imds.hpp"

#include "zones.hpp"

#include "karat/json.hpp"

#include <fmt/format.h>

namespace karat::api {
namespace {

class Builder {
public:
    /// Sets a leaf by its path; folders are made on the way.
    Builder& set(std::string_view path, std::string text)
    {
        std::vector<std::string> names;
        for (auto slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/')) {
            names.emplace_back(path.substr(0, slash));
            path.remove_prefix(slash + 1);
        }
        names.emplace_back(path);
        return set(names, std::move(text));
    }
    /// The same for names that may hold a slash of their own.
    Builder& set(std::vector<std::string> const& names, std::string text)
    {
        auto* node = &root_;
        for (auto const& name : names) {
            node->folder = true;
            node = &child(*node, name);
        }
        node->text = std::move(text);
        return *this;
    }
    MetadataNode take() { return std::move(root_); }

private:
    static MetadataNode& child(MetadataNode& node, std::string const& name)
    {
        for (auto& one : node.children)
            if (one.name == name)
                return one;
        node.children.push_back({.name = name, .text = {}, .children = {}, .folder = false});
        return node.children.back();
    }
    MetadataNode root_{.name = {}, .text = {}, .children = {}, .folder = true};
};

std::string lines(std::vector<SecurityGroup> const& groups, bool names)
{
    std::string text;
    for (auto const& group : groups)
        text += (text.empty() ? "" : "\n") + (names ? group.name : group.id.text());
    return text;
}

void add_interface(Builder& tree, engine::InstanceFacts const& facts)
{
    auto const& interface = facts.instance.interface;
    auto const base = fmt::format("network/interfaces/macs/{}/", interface.mac);
    tree.set(base + "device-number", "0")
        .set(base + "interface-id", interface.id.text())
        .set(base + "local-hostname", private_dns_name(interface.private_ip, facts.instance.region))
        .set(base + "local-ipv4s", interface.private_ip)
        .set(base + "mac", interface.mac)
        .set(base + "owner-id", facts.instance.owner.text())
        .set(base + "public-ipv4s", interface.public_ip)
        .set(base + "security-group-ids", lines(facts.groups, false))
        .set(base + "security-groups", lines(facts.groups, true))
        .set(base + "subnet-id", interface.subnet.text())
        .set(base + "subnet-ipv4-cidr-block", facts.subnet.cidr)
        .set(base + "vpc-id", interface.vpc.text())
        .set(base + "vpc-ipv4-cidr-block", facts.vpc.cidr)
        .set(base + "vpc-ipv4-cidr-blocks", facts.vpc.cidr);
}

void add_devices(Builder& tree, engine::InstanceFacts const& facts)
{
    auto const& root = facts.instance.root_device_name;
    tree.set("block-device-mapping/ami", root).set("block-device-mapping/root", root);
    int number = 1;
    for (auto const& volume : facts.volumes)
        if (volume.attachment && volume.attachment->device_name != root)
            tree.set(fmt::format("block-device-mapping/ebs{}", number++),
                     volume.attachment->device_name);
}

void add_tags(Builder& tree, Instance const& instance)
{
    if (instance.metadata.instance_metadata_tags != "enabled")
        return;
    for (auto const& [key, value] : instance.tags)
        if (key.find_first_of("/ ") ==
            std::string::npos) // EC2 refuses such keys; a path cannot hold them
            tree.set("tags/instance/" + key, value);
}

} // namespace

MetadataNode metadata_tree(engine::InstanceFacts const& facts)
{
    auto const& instance = facts.instance;
    auto const hostname = private_dns_name(instance.interface.private_ip, instance.region);
    Builder tree;
    tree.set("ami-id", instance.image.text())
        .set("ami-launch-index", std::to_string(instance.launch_index))
        .set("ami-manifest-path", "(unknown)");
    add_devices(tree, facts);
    tree.set("events/maintenance/history", "[]")
        .set("events/maintenance/scheduled", "[]")
        .set("hostname", hostname)
        .set("instance-action", "none")
        .set("instance-id", instance.id.text())
        .set("instance-life-cycle", "on-demand")
        .set("instance-type", instance.type)
        .set("local-hostname", hostname)
        .set("local-ipv4", instance.interface.private_ip)
        .set("mac", instance.interface.mac)
        .set("metrics/vhostmd", R"(<?xml version="1.0" encoding="UTF-8"?>)");
    add_interface(tree, facts);
    tree.set("placement/availability-zone", instance.zone)
        .set("placement/availability-zone-id", zone_id(instance.zone))
        .set("placement/region", instance.region)
        .set("profile", "default-hvm")
        .set("public-hostname", public_dns_name(instance.interface.public_ip))
        .set("public-ipv4", instance.interface.public_ip);
    if (!instance.public_key.empty())
        tree.set({"public-keys", "0=" + instance.key_name, "openssh-key"}, instance.public_key);
    tree.set("reservation-id", instance.reservation.text())
        .set("security-groups", lines(facts.groups, true))
        .set("services/domain", "amazonaws.com")
        .set("services/partition", "aws");
    add_tags(tree, instance);
    return tree.take();
}

std::string identity_document(engine::InstanceFacts const& facts)
{
    auto const& instance = facts.instance;
    nlohmann::ordered_json document;
    document["accountId"] = instance.owner.text();
    document["architecture"] = instance.architecture;
    document["availabilityZone"] = instance.zone;
    for (auto const* const absent : {"billingProducts", "devpayProductCodes",
                                     "marketplaceProductCodes", "kernelId", "ramdiskId"})
        document[absent] = nullptr;
    document["imageId"] = instance.image.text();
    document["instanceId"] = instance.id.text();
    document["instanceType"] = instance.type;
    document["pendingTime"] =
        format_time(std::chrono::floor<std::chrono::seconds>(instance.launched));
    document["privateIp"] = instance.interface.private_ip;
    document["region"] = instance.region;
    document["version"] = "2017-09-30";
    return document.dump(2);
}

} // namespace karat::api
