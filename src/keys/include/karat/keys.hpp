// SPDX-License-Identifier: Apache-2.0
// Master keys: who has which, and the wrapping of data keys under them. A master key's bytes never
// leave an implementation; callers hold ARNs and wrapped data keys.
#pragma once

#include "karat/env.hpp"
#include "karat/secret_bytes.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace karat::keys {

/// Whose keys: an account's in a region.
struct KeyScope {
    std::string account; ///< Twelve digits.
    std::string region;
    bool operator==(KeyScope const&) const = default;
};

/// The alias of the key that is taken when none is named.
inline constexpr std::string_view kDefaultAlias = "alias/aws/ebs";

/// What may be known of a master key.
struct KeyFacts {
    std::string id; ///< A UUID.
    KeyScope scope;
    std::string alias;       ///< "alias/…", or empty.
    std::string description; ///< For people.
    bool enabled = true;
    Time created{};
    std::string arn() const;
    bool is_default() const { return alias == kDefaultAlias; }
};

struct NewKey {
    KeyScope scope;
    std::string alias;
    std::string description;
};

/// Thread-safe. Errors carry Noun::none; every message names the key and what to do.
class Keys {
public:
    virtual ~Keys() = default;

    /// All keys, oldest first.
    virtual Result<std::vector<KeyFacts>> list() = 0;
    /// Fault::invalid for a bad or reserved alias, Fault::duplicate for one that is taken.
    virtual Result<KeyFacts> create(NewKey const& wanted) = 0;
    /// The scope's alias/aws/ebs, made when it is first asked for.
    virtual Result<KeyFacts> default_key(KeyScope const& scope) = 0;
    /// A disabled key wraps and unwraps nothing. Fault::not_found for an unknown ARN.
    virtual Result<KeyFacts> set_enabled(std::string const& arn, bool enabled) = 0;

    /// Seals a data key of kKeyBytes under the master key. Fault::not_found when the key is gone,
    /// Fault::wrong_state when it is disabled.
    virtual Result<Bytes> wrap(std::string const& arn, SecretBytes const& data_key) = 0;
    /// The other way; also Fault::corrupt when `wrapped` is not what this key wrapped.
    virtual Result<SecretBytes> unwrap(std::string const& arn,
                                       std::span<std::byte const> wrapped) = 0;
};

/// The key that `name` means to callers in a scope: an id, an ARN, an alias, or an alias' ARN.
/// Fault::not_found when they have no such key; alias/aws/ebs is made.
Result<KeyFacts> find_key(Keys& keys, KeyScope const& scope, std::string const& name);

/// Keys in a file (FORMAT.md). It is read anew for every call, so what another process changed is
/// seen and no master key stays in memory. An absent file holds no keys, until create() makes it.
/// One process at a time may create and change keys; any number may wrap and unwrap.
std::unique_ptr<Keys> make_file_keys(Env env, std::string path);

} // namespace karat::keys
