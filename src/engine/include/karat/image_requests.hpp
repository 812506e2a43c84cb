// SPDX-License-Identifier: Apache-2.0
// What the verbs that make images of images are given (karat/engine.hpp).
#pragma once

#include "karat/nouns.hpp"
#include "karat/operator_requests.hpp"

#include <string>

namespace karat::engine {

/// Into the caller's region.
struct CopyImage {
    ImageId source;
    std::string source_region;
    std::string name;
    std::string description;
    EncryptionRequest encryption; ///< Of the snapshots.
    bool copy_tags = false;       ///< Those that the caller gave the source.
    Tags image_tags;
    Tags snapshot_tags;
    std::string client_token;
    std::string fingerprint;
};

} // namespace karat::engine
