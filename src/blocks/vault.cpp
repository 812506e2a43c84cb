// SPDX-License-Identifier: Apache-2.0
#include "vault.hpp"

#include <fmt/format.h>

namespace karat::blocks {
namespace {

Error no_keys(std::string const& key)
{
    return fail(Fault::denied,
                fmt::format("It is encrypted with the key {}, and this program was given no keys; "
                            "start it with a key file",
                            key));
}

/// What the keys said, as a refusal: to those who read a snapshot, all of it means that.
Error refused(Error const& error)
{
    return {error.fault == Fault::io ? Fault::io : Fault::denied, error.noun, error.message,
            error.where};
}

} // namespace

Result<Vault::Held> Vault::unlock(Seal const& seal)
{
    if (keys_ == nullptr)
        return no_keys(seal.key);
    auto const data_key = keys_->unwrap(seal.key, seal.wrapped);
    if (!data_key.ok())
        return refused(data_key.error());
    auto made = std::make_shared<Domain const>(data_key.value());
    std::scoped_lock const guard(mutex_);
    std::erase_if(domains_, [](auto const& one) { return one.second.expired(); });
    auto& slot = domains_[made->tag()];
    if (auto held = slot.lock())
        return held;
    slot = made;
    return made;
}

Vault::Held Vault::find(DomainTag const& tag) const
{
    std::scoped_lock const guard(mutex_);
    auto const found = domains_.find(tag);
    return found == domains_.end() ? nullptr : found->second.lock();
}

void Vault::note(Seal const& seal)
{
    std::scoped_lock const guard(mutex_);
    seals_.emplace(seal.key, Seal{.key = seal.key, .wrapped = seal.wrapped});
}

Result<Seal> Vault::seal_for(std::string const& key, std::function<Result<void>()> const& look)
{
    if (keys_ == nullptr)
        return no_keys(key);
    std::scoped_lock const one(making_);
    if (!looked_)
        TRY(look());
    looked_ = true;
    {
        std::scoped_lock const guard(mutex_);
        auto const found = seals_.find(key);
        if (found != seals_.end())
            return found->second;
    }
    keys::SecretBytes data_key(keys::kKeyBytes);
    chance_.fill(data_key.reveal());
    auto wrapped = keys_->wrap(key, data_key);
    if (!wrapped.ok())
        return refused(wrapped.error());
    Seal const seal{.key = key, .wrapped = std::move(wrapped).value()};
    note(seal);
    return seal;
}

} // namespace karat::blocks
