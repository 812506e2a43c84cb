// SPDX-License-Identifier: Apache-2.0
// The instance metadata service, version 2 and (where an instance allows it) version 1, for one
// guest: the socket that it speaks through says who it is.
#pragma once

#include "http.hpp"
#include "identity.hpp"

#include "karat/engine.hpp"

namespace karat::api {

/// Answers guests. Tokens are stateless (an HMAC over the instance and the expiry under a key of
/// this process's data directory), so a guest cannot fill a table with them. Thread-safe.
class Imds {
public:
    Imds(Env env, Identity& identity, Bytes token_key);
    /// Called before the first request.
    void set_engine(engine::Engine* engine) { engine_ = engine; }

    HttpReply handle(InstanceId const& instance, HttpRequest const& request);

private:
    HttpReply token(InstanceId const& instance, HttpRequest const& request);
    bool token_is_good(InstanceId const& instance, std::string_view token);
    std::string sign(InstanceId const& instance, std::string_view expiry);

    Env env_;
    Identity& identity_;
    Bytes token_key_;
    engine::Engine* engine_ = nullptr;
};

/// A metadata tree: a leaf has text, a folder has children by name; the root has no name.
struct MetadataNode {
    std::string name;
    std::string text;
    std::vector<MetadataNode> children;
    bool folder = false;
};

/// Everything below /latest/meta-data of an instance.
MetadataNode metadata_tree(engine::InstanceFacts const& facts);
/// The instance identity document: its exact bytes are what is signed.
std::string identity_document(engine::InstanceFacts const& facts);

} // namespace karat::api
