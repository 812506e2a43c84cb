// SPDX-License-Identifier: Apache-2.0
// The keys of one dedup domain, and what seals and opens its extents (FORMAT.md, "Sealed").
#pragma once

#include "pack_format.hpp"

#include "karat/gcm.hpp"
#include "karat/secret_bytes.hpp"

namespace karat::blocks {

using DomainTag = std::array<std::byte, kDomainBytes>;

/// Says under which master key a snapshot is sealed, and how to get its data key.
struct Seal {
    std::string key; ///< ARN of the master key.
    Bytes wrapped;   ///< The data key, wrapped by it.
    Hash mac = {};   ///< Proves that the manifest was made by who had the data key.
    bool operator==(Seal const&) const = default;
};

/// HMAC-SHA-256 under one key, with its pads made once. Immutable, so for any number of threads.
class Keyed {
public:
    Keyed(keys::SecretBytes const& data_key, char const* label);
    Hash hash(Sha256& hasher, std::span<std::byte const> bytes) const;

private:
    keys::SecretBytes inner_;
    keys::SecretBytes outer_;
};

/// Immutable, so for any number of threads.
class Domain {
public:
    explicit Domain(keys::SecretBytes const& data_key);

    DomainTag const& tag() const { return tag_; }
    /// The name of an extent.
    Hash identity(Sha256& hasher, std::span<std::byte const> raw) const
    {
        return identity_.hash(hasher, raw);
    }
    Hash mac(std::span<std::byte const> manifest) const;

    /// One thread's tools.
    struct Tools {
        Sha256& hasher;
        keys::Gcm& gcm;
    };
    /// Writes the stored bytes of a sealed record; out.size() is packed.size() + kSealBytes.
    void seal(Tools const& tools, RecordHeader const& header, std::span<std::byte const> nonce,
              std::span<std::byte const> packed, std::span<std::byte> out) const;
    /// The packed bytes of a sealed record; out.size() is stored.size() - kSealBytes. False when
    /// they are not of this domain, or not what was sealed for this header.
    [[nodiscard]] bool open(Tools const& tools, RecordHeader const& header,
                            std::span<std::byte const> stored, std::span<std::byte> out) const;

private:
    Keyed identity_;
    Keyed extents_;
    Keyed manifests_;
    DomainTag tag_;
};

/// The domain that a sealed record names.
DomainTag domain_of(std::span<std::byte const> stored);

} // namespace karat::blocks
