// SPDX-License-Identifier: Apache-2.0
#include "imds.hpp"

#include "karat/hash.hpp"
#include "karat/log.hpp"
#include "karat/text.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace karat::api {
namespace {

constexpr int kMaxTtlSeconds = 21600;
constexpr std::array<std::string_view, 4> kVersions{"2009-04-04", "2018-09-24", "2021-03-23",
                                                    "latest"};
constexpr std::string_view kTtlHeader = "X-aws-ec2-metadata-token-ttl-seconds";

HttpReply plain(int status, std::string body = {})
{
    return {.status = status, .body = std::move(body)};
}

/// "latest/meta-data/hostname" out of "/latest//meta-data/hostname/".
std::vector<std::string> parts_of(std::string_view path)
{
    std::vector<std::string> parts;
    while (!path.empty()) {
        if (auto const part = take_until(path, '/'); !part.empty())
            parts.emplace_back(part);
    }
    return parts;
}

std::string listing(MetadataNode const& node)
{
    std::string text;
    for (auto const& child : node.children) {
        if (!text.empty())
            text += '\n';
        text += child.name;
        if (child.folder && child.name.find('=') == std::string::npos)
            text += '/';
    }
    return text;
}

MetadataNode const* find(MetadataNode const& root, std::span<std::string const> parts)
{
    auto const* node = &root;
    for (auto const& part : parts) {
        auto const child =
            std::find_if(node->children.begin(), node->children.end(), [&](auto const& one) {
                return one.name == part ||
                       one.name.starts_with(part + "="); // "0=keyname" is asked for as "0"
            });
        if (child == node->children.end())
            return nullptr;
        node = &*child;
    }
    return node;
}

HttpReply serve(MetadataNode const& root, std::span<std::string const> parts)
{
    auto const* const node = find(root, parts);
    if (node == nullptr)
        return plain(404, "Not Found");
    return plain(200, node->folder ? listing(*node) : node->text);
}

MetadataNode leaf(std::string name, std::string text)
{
    return {.name = std::move(name), .text = std::move(text), .children = {}, .folder = false};
}

Result<MetadataNode> dynamic_tree(Identity& identity, engine::InstanceFacts const& facts)
{
    auto const document = identity_document(facts);
    auto signature = TRY(identity.signature(document));
    auto pkcs7 = TRY(identity.pkcs7(document));
    MetadataNode documents{.name = "instance-identity", .text = {}, .children = {}, .folder = true};
    documents.children = {leaf("document", document), leaf("pkcs7", pkcs7),
                          leaf("rsa2048", std::move(pkcs7)),
                          leaf("signature", std::move(signature))};
    MetadataNode root{.name = {}, .text = {}, .children = {}, .folder = true};
    root.children.push_back(std::move(documents));
    return root;
}

HttpReply serve_version(Identity& identity, engine::InstanceFacts const& facts,
                        std::span<std::string const> parts)
{
    if (parts.empty())
        return plain(200, "dynamic\nmeta-data\nuser-data");
    auto const rest = parts.subspan(1);
    if (parts[0] == "meta-data")
        return serve(metadata_tree(facts), rest);
    if (parts[0] == "user-data" && rest.empty()) {
        if (facts.instance.user_data.empty())
            return plain(404, "Not Found");
        return {.content_type = "application/octet-stream", .body = facts.instance.user_data};
    }
    if (parts[0] == "dynamic") {
        auto const tree = dynamic_tree(identity, facts);
        return tree.ok() ? serve(tree.value(), rest) : plain(500, "Internal Server Error");
    }
    return plain(404, "Not Found");
}

} // namespace

Imds::Imds(Env env, Identity& identity, Bytes token_key)
    : env_(env)
    , identity_(identity)
    , token_key_(std::move(token_key))
{
}

std::string Imds::sign(InstanceId const& instance, std::string_view expiry)
{
    auto const mac = hmac_sha256(token_key_, fmt::format("{} {}", instance.text(), expiry));
    return fmt::format("{}.{}", expiry, mac.text());
}

HttpReply Imds::token(InstanceId const& instance, HttpRequest const& request)
{
    if (request.path != "/latest/api/token")
        return plain(403, "Forbidden");
    auto const wanted = request.header(kTtlHeader);
    auto const ttl = number_of<int>(wanted).value_or(0);
    if (ttl < 1 || ttl > kMaxTtlSeconds)
        return plain(400, "Bad Request");
    auto const expiry = (env_.clock.now() + std::chrono::seconds(ttl)).time_since_epoch().count();
    HttpReply reply = plain(200, sign(instance, std::to_string(expiry)));
    reply.headers.emplace_back(std::string(kTtlHeader), std::to_string(ttl));
    return reply;
}

bool Imds::token_is_good(InstanceId const& instance, std::string_view token)
{
    auto const dot = token.find('.');
    if (dot == std::string_view::npos || token.size() > 128)
        return false;
    auto const expiry = number_of<std::int64_t>(token.substr(0, dot));
    if (!expiry)
        return false;
    auto const left = *expiry - env_.clock.now().time_since_epoch().count();
    // More than the longest life is left of one from before the clock was set back.
    return equal_constant_time(token, sign(instance, token.substr(0, dot))) && left > 0 &&
           left <= std::int64_t{kMaxTtlSeconds} * 1000;
}

HttpReply Imds::handle(InstanceId const& instance, HttpRequest const& request)
{
    if (engine_ == nullptr)
        return plain(503, "Service Unavailable");
    if (request.header_count("X-Forwarded-For") > 0)
        return plain(403, "Forbidden"); // came through a proxy that the guest did not mean to open
    auto const facts = engine_->instance_facts(instance);
    if (!facts.ok()) {
        log(Level::warn, "imds.failed", facts.error(), {{"instance", instance.text()}});
        return plain(facts.error().fault == Fault::not_found ? 404 : 503, "Unavailable");
    }
    auto const& options = facts.value().instance.metadata;
    if (options.http_endpoint != "enabled")
        return plain(403, "Forbidden");
    if (request.method == "PUT")
        return token(instance, request);
    if (request.method != "GET" && request.method != "HEAD")
        return plain(405, "Method Not Allowed");
    auto const shown = request.header("X-aws-ec2-metadata-token");
    bool const needs_token = options.http_tokens == "required" || !shown.empty();
    if (needs_token && !token_is_good(instance, shown))
        return plain(401, "Unauthorized");

    auto const parts = parts_of(request.path);
    if (parts.empty())
        return plain(200, fmt::format("{}", fmt::join(kVersions, "\n")));
    // Any dated version is the newest one: what was there in an old one is still there.
    bool const known = std::find(kVersions.begin(), kVersions.end(), parts[0]) != kVersions.end();
    if (!known)
        return plain(404, "Not Found");
    return serve_version(identity_, facts.value(), std::span(parts).subspan(1));
}

} // namespace karat::api
