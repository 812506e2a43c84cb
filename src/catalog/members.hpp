// SPDX-License-Identifier: Apache-2.0
// The members of every noun, each listed once with the name it is stored under. A visitor writes
// or reads them (documents.cpp). A name is never reused for another meaning: old rows hold it.
#pragma once

#include "karat/catalog.hpp"

#include <concepts>
#include <type_traits>

namespace karat::catalog {

template <class T, class Noun>
concept Is = std::same_as<std::remove_const_t<T>, Noun>;

/// Wraps text that may be any bytes; JSON holds it as base64.
template <class Text>
struct RawBytes {
    Text& text;
};

void members(auto& visit, Is<MetadataDefaults> auto& it)
{
    visit("region", it.region);
    visit("http_tokens", it.http_tokens);
    visit("http_endpoint", it.http_endpoint);
    visit("http_put_response_hop_limit", it.http_put_response_hop_limit);
    visit("instance_metadata_tags", it.instance_metadata_tags);
    visit("http_tokens_enforced", it.http_tokens_enforced);
}

void members(auto& visit, Is<Account> auto& it)
{
    visit("id", it.id);
    visit("name", it.name);
    visit("alias", it.alias);
    visit("created", it.created);
    visit("encrypts_in", it.encrypts_in);
    visit("default_keys", it.default_keys);
    visit("metadata_defaults", it.metadata_defaults);
}

void members(auto& visit, Is<AccessKey> auto& it)
{
    visit("id", it.id);
    visit("account", it.account);
    visit("secret", it.secret);
    visit("active", it.active);
    visit("created", it.created);
}

void members(auto& visit, Is<StateReason> auto& it)
{
    visit("code", it.code);
    visit("message", it.message);
}

void members(auto& visit, Is<BlockDevice> auto& it)
{
    visit("device_name", it.device_name);
    visit("snapshot", it.snapshot);
    visit("size_gib", it.size_gib);
    visit("volume_type", it.volume_type);
    visit("iops", it.iops);
    visit("throughput_mibps", it.throughput_mibps);
    visit("delete_on_termination", it.delete_on_termination);
    visit("encrypted", it.encrypted);
    visit("kms_key", it.kms_key);
    visit("virtual_name", it.virtual_name);
}

void members(auto& visit, Is<Image> auto& it)
{
    visit("id", it.id);
    visit("owner", it.owner);
    visit("region", it.region);
    visit("name", it.name);
    visit("description", it.description);
    visit("state", it.state);
    visit("state_reason", it.state_reason);
    visit("created", it.created);
    visit("architecture", it.architecture);
    visit("virtualization", it.virtualization);
    visit("root_device_name", it.root_device_name);
    visit("devices", it.devices);
    visit("boot_mode", it.boot_mode);
    visit("imds_support", it.imds_support);
    visit("tpm_support", it.tpm_support);
    visit("ena_support", it.ena_support);
    visit("sriov_net_support", it.sriov_net_support);
    visit("is_public", it.is_public);
    visit("launch_permissions", it.launch_permissions);
    visit("source_instance", it.source_instance);
    visit("source_image", it.source_image);
    visit("source_image_region", it.source_image_region);
    visit("ssm_parameter", it.ssm_parameter);
    visit("deregistered", it.deregistered);
    visit("tags", it.tags);
}

void members(auto& visit, Is<DirectWrite> auto& it)
{
    visit("timeout_minutes", it.timeout_minutes);
    visit("sealed", it.sealed);
    visit("blocks", it.blocks);
}

void members(auto& visit, Is<Snapshot> auto& it)
{
    visit("id", it.id);
    visit("owner", it.owner);
    visit("region", it.region);
    visit("state", it.state);
    visit("state_message", it.state_message);
    visit("progress_percent", it.progress_percent);
    visit("volume", it.volume);
    visit("size_gib", it.size_gib);
    visit("full_size_bytes", it.full_size_bytes);
    visit("description", it.description);
    visit("started", it.started);
    visit("completed", it.completed);
    visit("content", it.content);
    visit("parent", it.parent);
    visit("is_public", it.is_public);
    visit("volume_permissions", it.volume_permissions);
    visit("kms_key", it.kms_key);
    visit("direct", it.direct);
    visit("tags", it.tags);
}

void members(auto& visit, Is<Attachment> auto& it)
{
    visit("instance", it.instance);
    visit("device_name", it.device_name);
    visit("state", it.state);
    visit("delete_on_termination", it.delete_on_termination);
    visit("attached", it.attached);
}

void members(auto& visit, Is<Layers> auto& it)
{
    visit("base", it.base);
    visit("overlays", it.overlays);
}

void members(auto& visit, Is<VolumeShape> auto& it)
{
    visit("size_gib", it.size_gib);
    visit("type", it.type);
    visit("iops", it.iops);
    visit("throughput_mibps", it.throughput_mibps);
}

void members(auto& visit, Is<VolumeModification> auto& it)
{
    visit("state", it.state);
    visit("message", it.message);
    visit("original", it.original);
    visit("target", it.target);
    visit("started", it.started);
    visit("ended", it.ended);
}

void members(auto& visit, Is<VolumeEvent> auto& it)
{
    visit("id", it.id);
    visit("type", it.type);
    visit("description", it.description);
    visit("instance", it.instance);
    visit("at", it.at);
}

void members(auto& visit, Is<Volume> auto& it)
{
    visit("id", it.id);
    visit("owner", it.owner);
    visit("region", it.region);
    visit("zone", it.zone);
    visit("size_gib", it.size_gib);
    visit("type", it.type);
    visit("iops", it.iops);
    visit("throughput_mibps", it.throughput_mibps);
    visit("state", it.state);
    visit("created", it.created);
    visit("snapshot", it.snapshot);
    visit("source", it.source);
    visit("layers", it.layers);
    visit("attachment", it.attachment);
    visit("modification", it.modification);
    visit("modified", it.modified);
    visit("event", it.event);
    visit("kms_key", it.kms_key);
    visit("tags", it.tags);
}

void members(auto& visit, Is<MetadataOptions> auto& it)
{
    visit("http_tokens", it.http_tokens);
    visit("http_endpoint", it.http_endpoint);
    visit("http_put_response_hop_limit", it.http_put_response_hop_limit);
    visit("instance_metadata_tags", it.instance_metadata_tags);
}

void members(auto& visit, Is<NetworkInterface> auto& it)
{
    visit("id", it.id);
    visit("vpc", it.vpc);
    visit("subnet", it.subnet);
    visit("groups", it.groups);
    visit("mac", it.mac);
    visit("private_ip", it.private_ip);
    visit("public_ip", it.public_ip);
    visit("description", it.description);
    visit("tags", it.tags);
}

void members(auto& visit, Is<Instance> auto& it)
{
    visit("id", it.id);
    visit("owner", it.owner);
    visit("region", it.region);
    visit("zone", it.zone);
    visit("reservation", it.reservation);
    visit("launch_index", it.launch_index);
    visit("image", it.image);
    visit("type", it.type);
    visit("architecture", it.architecture);
    visit("boot_mode", it.boot_mode);
    visit("root_device_name", it.root_device_name);
    visit("state", it.state);
    visit("state_reason", it.state_reason);
    visit("transition_reason", it.transition_reason);
    visit("launched", it.launched);
    visit("terminated", it.terminated);
    visit("key_name", it.key_name);
    visit("public_key", it.public_key);
    RawBytes user_data{it.user_data};
    visit("user_data_base64", user_data);
    visit("client_token", it.client_token);
    visit("shutdown_behavior", it.shutdown_behavior);
    visit("disable_api_termination", it.disable_api_termination);
    visit("disable_api_stop", it.disable_api_stop);
    visit("ebs_optimized", it.ebs_optimized);
    visit("monitoring", it.monitoring);
    visit("auto_recovery", it.auto_recovery);
    visit("metadata", it.metadata);
    visit("interface", it.interface);
    visit("tags", it.tags);
}

void members(auto& visit, Is<Vpc> auto& it)
{
    visit("id", it.id);
    visit("owner", it.owner);
    visit("region", it.region);
    visit("cidr", it.cidr);
    visit("is_default", it.is_default);
    visit("tags", it.tags);
}

void members(auto& visit, Is<Subnet> auto& it)
{
    visit("id", it.id);
    visit("owner", it.owner);
    visit("region", it.region);
    visit("zone", it.zone);
    visit("vpc", it.vpc);
    visit("cidr", it.cidr);
    visit("is_default", it.is_default);
    visit("tags", it.tags);
}

void members(auto& visit, Is<SecurityGroupRule> auto& it)
{
    visit("egress", it.egress);
    visit("protocol", it.protocol);
    visit("from_port", it.from_port);
    visit("to_port", it.to_port);
    visit("cidr", it.cidr);
    visit("group", it.group);
    visit("description", it.description);
}

void members(auto& visit, Is<SecurityGroup> auto& it)
{
    visit("id", it.id);
    visit("owner", it.owner);
    visit("region", it.region);
    visit("vpc", it.vpc);
    visit("name", it.name);
    visit("description", it.description);
    visit("rules", it.rules);
    visit("tags", it.tags);
}

void members(auto& visit, Is<KeyPair> auto& it)
{
    visit("id", it.id);
    visit("owner", it.owner);
    visit("region", it.region);
    visit("name", it.name);
    visit("type", it.type);
    visit("fingerprint", it.fingerprint);
    visit("public_key", it.public_key);
    visit("created", it.created);
    visit("tags", it.tags);
}

void members(auto& visit, Is<Parameter> auto& it)
{
    visit("name", it.name);
    visit("owner", it.owner);
    visit("region", it.region);
    visit("type", it.type);
    visit("data_type", it.data_type);
    visit("value", it.value);
    visit("version", it.version);
    visit("modified", it.modified);
}

void members(auto& visit, Is<Task> auto& it)
{
    visit("id", it.id);
    visit("kind", it.kind);
    visit("subject", it.subject);
    visit("payload", it.payload);
    visit("on", it.on);
    visit("keeps", it.keeps);
    visit("lane", it.lane);
    visit("request", it.request);
    visit("state", it.state);
    visit("attempts", it.attempts);
    visit("failures", it.failures);
    visit("created", it.created);
    visit("not_before", it.not_before);
    visit("lease_host", it.lease_host);
    visit("lease_until", it.lease_until);
    visit("progress_percent", it.progress_percent);
    visit("outcome", it.outcome);
}

void members(auto& visit, Is<UsedToken> auto& it)
{
    visit("fingerprint", it.fingerprint);
    visit("outcome", it.outcome);
}

} // namespace karat::catalog
