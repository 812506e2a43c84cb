// SPDX-License-Identifier: Apache-2.0
// Which key a new volume or snapshot gets, and what an account says about that.
#include "state.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::engine {
namespace {

keys::KeyScope scope_of(Caller const& caller) { return {caller.account.text(), caller.region}; }

/// What keys/ says, as an error about a key.
template <class T>
Result<T> about_key(Result<T> result)
{
    if (result.ok())
        return result;
    auto error = result.take_error();
    error.noun = Noun::encryption_key;
    return error;
}

/// Where keys are gone that something is encrypted with, no new ones are made: they would have to
/// give way when the old ones are put back.
Result<void> check_not_lost(Engine::State& state, catalog::View& view)
{
    if (!TRY(about_key(state.parts.keys.list())).empty())
        return {};
    auto const encrypted = [](auto const& all) {
        return std::ranges::any_of(all, [](auto const& one) { return !one.kms_key.empty(); });
    };
    auto const snapshots = TRY(view.snapshots({}));
    auto const volumes = TRY(view.volumes({}));
    if (!encrypted(snapshots) && !encrypted(volumes))
        return {};
    return Error{Fault::denied, Noun::encryption_key,
                 "The key file is missing, and volumes or snapshots are encrypted with its keys; "
                 "put it back from its backup before keys are used or made"};
}

std::string default_arn(Caller const& caller)
{
    return fmt::format("arn:aws:kms:{}:{}:{}", caller.region, caller.account.text(),
                       keys::kDefaultAlias);
}

bool is_default_name(Caller const& caller, std::string const& name)
{
    return name == keys::kDefaultAlias || name == default_arn(caller);
}

/// The default key of the caller; one that has only the alias if none was made yet.
Result<keys::KeyFacts> default_key_if_any(Engine::State& state, Caller const& caller)
{
    for (auto& key : TRY(about_key(state.parts.keys.list())))
        if (key.scope == scope_of(caller) && key.is_default())
            return key;
    return keys::KeyFacts{
        .id = {}, .scope = scope_of(caller), .alias = std::string(keys::kDefaultAlias)};
}

/// The key that callers name, enabled. The default key is made when it is first named, but not on a
/// dry run.
Result<keys::KeyFacts> named_key(Engine::State& state, catalog::View& view, Caller const& caller,
                                 std::string const& name)
{
    TRY(check_not_lost(state, view));
    auto key = caller.dry_run && is_default_name(caller, name)
                   ? TRY(default_key_if_any(state, caller))
                   : TRY(about_key(keys::find_key(state.parts.keys, scope_of(caller), name)));
    if (!key.enabled)
        return Error{Fault::wrong_state, Noun::encryption_key,
                     fmt::format("The key {} is disabled; enable it, or name another", key.arn())};
    return key;
}

} // namespace

Result<std::string> key_for(Engine::State& state, catalog::View& view, Caller const& caller,
                            EncryptionRequest const& asked,
                            std::optional<EncryptionSource> const& source)
{
    bool const from_encrypted = source && !source->kms_key.empty();
    auto const account = TRY(account_of(view, caller));
    bool const by_default = account.encrypts_in.contains(caller.region);
    if (from_encrypted && asked.encrypted == false)
        return Error{Fault::invalid, Noun::none,
                     "Encrypted cannot be false: what is made of an encrypted snapshot or volume "
                     "is encrypted; leave Encrypted out"};
    bool const encrypts = asked.encrypted.value_or(false) || from_encrypted || by_default;
    if (!asked.key.empty() && (!encrypts || asked.encrypted == false))
        return Error{Fault::missing, Noun::encryption_key,
                     "The parameter KmsKeyId requires the parameter Encrypted to be set."};
    if (!encrypts)
        return std::string();
    auto name = asked.key;
    if (name.empty() && from_encrypted && source->passes_on && source->owner == caller.account &&
        source->region == caller.region)
        name = source->kms_key;
    auto const chosen = account.default_keys.find(caller.region);
    if (name.empty())
        name = chosen == account.default_keys.end() ? keys::kDefaultAlias : chosen->second;
    auto const key = TRY(named_key(state, view, caller, name));
    return key.id.empty() ? default_arn(caller) : key.arn();
}

Result<std::string> made_key(Engine::State& state, Caller const& caller, std::string const& key)
{
    if (key != default_arn(caller))
        return key;
    auto const made = TRY(about_key(state.parts.keys.default_key(scope_of(caller))));
    return made.arn();
}

Result<void> check_sharing(Engine::State& state, Snapshot const& snapshot, bool with_everybody)
{
    if (snapshot.kms_key.empty())
        return {};
    if (with_everybody)
        return fail(Fault::denied, fmt::format("The {} is encrypted; what is encrypted cannot be "
                                               "made public",
                                               snapshot.id.text()));
    for (auto const& key : TRY(about_key(state.parts.keys.list())))
        if (key.arn() == snapshot.kms_key && key.is_default())
            return fail(Fault::denied,
                        fmt::format("The {} is encrypted with the default key alias/aws/ebs, and "
                                    "cannot be shared; share a copy with a key of your own",
                                    snapshot.id.text()));
    return {};
}

/// The key of a disk: as asked, as its snapshot's, or as the image says of an empty one.
Result<void> choose_key(Engine::State& state, catalog::View& view, Caller const& caller,
                        RunInstances const& request, BlockDevice& device)
{
    EncryptionRequest wanted;
    for (auto const& asked : request.devices)
        if (asked.device_name == device.device_name)
            wanted = asked.encryption;
    if (!device.snapshot && device.encrypted && !wanted.encrypted)
        wanted.encrypted = true;
    std::optional<EncryptionSource> source;
    if (device.snapshot)
        if (auto const snapshot = TRY(view.snapshot(*device.snapshot)))
            source = encryption_of(*snapshot);
    device.kms_key = TRY(key_for(state, view, caller, wanted, source));
    return {};
}

Result<void> check_key(Engine::State& state, Volume const& volume)
{
    if (!volume.layers.base)
        return {};
    auto const name = volume.layers.base->text();
    auto const base = TRY(state.parts.store.describe(name));
    if (base.facts.key.empty())
        return {};
    auto const view = state.parts.store.view(name);
    if (view.ok() || view.error().fault != Fault::denied)
        return view.ok() ? Result<void>() : view.error();
    return Error{
        Fault::denied, Noun::encryption_key,
        fmt::format("The volume {} cannot be used: {}", volume.id.text(), view.error().message)};
}

Result<void> check_keys(Engine::State& state, Instance const& instance)
{
    auto const volumes = TRY(
        state.catalog().read([&](catalog::View& view) { return view.volumes_of(instance.id); }));
    for (auto const& volume : volumes)
        TRY(check_key(state, volume));
    return {};
}

StateReason why_not_launched(Error const& error)
{
    if (error.noun == Noun::encryption_key) // EC2's words for a key that cannot be had
        return {"Client.InternalError", "Client error on launch: " + message_for_caller(error)};
    if (error.fault == Fault::full)
        return {"Server.InsufficientInstanceCapacity", message_for_caller(error)};
    return {"Server.InternalError", message_for_caller(error)};
}

Result<std::vector<keys::KeyFacts>> Engine::encryption_keys(Caller const& caller)
{
    TRY(check_region(caller.region));
    auto all = TRY(about_key(state_->parts.keys.list()));
    std::erase_if(all, [&](keys::KeyFacts const& one) { return one.scope != scope_of(caller); });
    return all;
}

Result<keys::KeyFacts> Engine::create_encryption_key(Caller const& caller, std::string const& alias,
                                                     std::string const& description)
{
    TRY(check_region(caller.region));
    TRY(state_->catalog().read([&](catalog::View& view) { return check_not_lost(*state_, view); }));
    return about_key(state_->parts.keys.create({scope_of(caller), alias, description}));
}

Result<keys::KeyFacts> Engine::enable_encryption_key(Caller const& caller, std::string const& name,
                                                     bool enabled)
{
    TRY(check_region(caller.region));
    auto const key = TRY(about_key(keys::find_key(state_->parts.keys, scope_of(caller), name)));
    auto changed = TRY(about_key(state_->parts.keys.set_enabled(key.arn(), enabled)));
    log(Level::info, enabled ? "key.enabled" : "key.disabled", {{"key", key.arn()}});
    return changed;
}

Result<bool> Engine::encrypts_by_default(Caller const& caller)
{
    return state_->catalog().read([&](catalog::View& view) -> Result<bool> {
        auto const account = TRY(account_of(view, caller));
        return account.encrypts_in.contains(caller.region);
    });
}

Result<void> Engine::set_encrypts_by_default(Caller const& caller, bool encrypts, bool dry_run)
{
    return change_for(*state_, caller,
                      encrypts ? "EnableEbsEncryptionByDefault" : "DisableEbsEncryptionByDefault",
                      [&](catalog::Change& change) -> Result<void> {
                          auto account = TRY(account_of(change, caller));
                          TRY(rehearse(dry_run));
                          if (encrypts)
                              account.encrypts_in.insert(caller.region);
                          else
                              account.encrypts_in.erase(caller.region);
                          return change.save(account);
                      });
}

Result<std::string> Engine::default_encryption_key(Caller const& caller)
{
    auto const chosen = TRY(state_->catalog().read([&](catalog::View& view) -> Result<std::string> {
        auto const account = TRY(account_of(view, caller));
        auto const found = account.default_keys.find(caller.region);
        return found == account.default_keys.end() ? std::string() : found->second;
    }));
    return chosen.empty() ? std::string(keys::kDefaultAlias) : chosen;
}

Result<std::string> Engine::set_default_encryption_key(Caller const& caller,
                                                       std::string const& name, bool dry_run)
{
    auto const* const action =
        name.empty() ? "ResetEbsDefaultKmsKeyId" : "ModifyEbsDefaultKmsKeyId";
    TRY(change_for(*state_, caller, action, [&](catalog::Change& change) -> Result<void> {
        auto account = TRY(account_of(change, caller));
        account.default_keys.erase(caller.region);
        if (!name.empty()) {
            auto const key = TRY(named_key(*state_, change, caller, name));
            if (!key.is_default())
                account.default_keys[caller.region] = key.arn();
        }
        TRY(rehearse(dry_run));
        return change.save(account);
    }));
    return default_encryption_key(caller);
}

} // namespace karat::engine
