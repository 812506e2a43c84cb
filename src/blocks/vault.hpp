// SPDX-License-Identifier: Apache-2.0
// The domains that are unlocked: each is wiped when the last view or ingest that holds it ends.
#pragma once

#include "domain.hpp"

#include "karat/keys.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace karat::blocks {

/// Thread-safe.
class Vault {
public:
    using Held = std::shared_ptr<Domain const>;

    /// `keys` may be null: then nothing is unlocked. Both outlive the vault.
    Vault(keys::Keys* keys, Chance& chance)
        : keys_(keys)
        , chance_(chance)
    {
    }

    /// Asks the keys for the data key, each time: a key that is gone or disabled opens nothing new.
    /// Fault::denied names the key and what to do.
    Result<Held> unlock(Seal const& seal);

    /// The seal for new snapshots under a master key: that of the snapshots before, so that they
    /// share extents. `look` notes what seals there are; it is called once.
    Result<Seal> seal_for(std::string const& key, std::function<Result<void>()> const& look);
    void note(Seal const& seal);

    /// The domain, while somebody holds it; null otherwise.
    Held find(DomainTag const& tag) const;

private:
    keys::Keys* keys_;
    Chance& chance_;
    std::mutex making_; // one new data key at a time
    bool looked_ = false;
    mutable std::mutex mutex_; // guards below
    std::map<std::string, Seal> seals_;
    std::map<DomainTag, std::weak_ptr<Domain const>> domains_;
};

/// What a new snapshot is sealed with; nothing when it is not.
struct Sealed {
    std::optional<Seal> seal;
    Vault::Held domain;
};

} // namespace karat::blocks
