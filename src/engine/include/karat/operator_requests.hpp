// SPDX-License-Identifier: Apache-2.0
// What the verbs of operators are given (karat/engine.hpp), and the encryption that all may ask
// for.
#pragma once

#include "karat/nouns.hpp"
#include "karat/volumes.hpp"

#include <optional>
#include <string>

namespace karat::engine {

/// Whether a new volume or snapshot is encrypted, and with which key.
struct EncryptionRequest {
    std::optional<bool> encrypted;
    std::string key; ///< An id, an ARN, an alias or an alias' ARN; empty: none was named.
};

/// karat image import.
struct ImportImage {
    std::string path; ///< Absolute, on this host; the operator's own file.
    std::optional<volumes::Format> format;
    std::string name;
    std::string description;
    std::string boot_mode;
    std::string root_device_name = "/dev/xvda";
    std::optional<std::uint64_t> size_gib; ///< Empty: the disk's own size, rounded up.
    std::string ssm_parameter; ///< A public parameter that will name the image; publishers only.
    EncryptionRequest encryption;
    bool is_public = false;
};

struct ImportedImage {
    ImageId image;
    SnapshotId snapshot;
    std::int64_t task = 0;
};

/// karat image export.
struct ExportImage {
    std::string source;      ///< An image or a snapshot.
    std::string device_name; ///< Which disk of an image; empty: its root.
    std::string path;        ///< Absolute, on this host; the operator's own file.
    volumes::ImageForm form = volumes::ImageForm::raw;
    bool overwrite = false;
};

struct StartedExport {
    SnapshotId snapshot;
    std::int64_t task = 0;
};

} // namespace karat::engine
