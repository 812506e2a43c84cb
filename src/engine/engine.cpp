// SPDX-License-Identifier: Apache-2.0
// The engine itself, accounts and signing in.
#include "karat/engine.hpp"

#include "state.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::engine {
namespace {

catalog::Actor admin(std::string action) { return {"admin", std::move(action)}; }

/// `count` characters of an alphabet of 32 symbols: five bits of chance each.
std::string random_word(Chance& chance, std::size_t count)
{
    constexpr std::string_view kSymbols = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    Bytes bytes(count);
    chance.fill(bytes);
    std::string text;
    for (auto const b : bytes)
        text += kSymbols[std::to_integer<std::size_t>(b) % kSymbols.size()];
    return text;
}

Result<void> check_account_name(std::string const& name)
{
    auto const fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    };
    if (name.empty() || name.size() > 63 || !std::all_of(name.begin(), name.end(), fits))
        return Error{Fault::invalid, Noun::account,
                     "An account name has 1 to 63 lower-case letters, digits and hyphens"};
    return {};
}

} // namespace

Result<void> rehearse(bool dry_run)
{
    if (dry_run)
        return fail(Fault::dry_run, "Request would have succeeded, but DryRun flag is set.");
    return {};
}

Engine::Engine(Parts parts)
    : state_(std::make_unique<State>(std::move(parts)))
{
    state_->parts.hypervisor.listen(
        [state = state_.get()](InstanceId const& id, compute::Event event) {
            machine_ended(*state, id, event);
        });
    state_->catalog().on_task([state = state_.get()] {
        Lock const guard(state->mutex);
        for (auto& sleepers : state->sleepers) {
            sleepers.woken = true;
            sleepers.wake.notify_all();
        }
    });
}

Engine::~Engine()
{
    stop_workers();
    state_->parts.hypervisor.listen({});
    state_->catalog().on_task({});
}

Result<Account> Engine::create_account(std::string const& name, std::string const& alias,
                                       std::optional<AccountId> const& id)
{
    TRY(check_account_name(name));
    return state_->catalog().change(
        admin("CreateAccount"), [&](catalog::Change& change) -> Result<Account> {
            auto const known = id ? TRY(change.account(*id)) : std::nullopt;
            if (known && known->name != rebuilt_name(*id))
                return Error{Fault::duplicate, Noun::account,
                             fmt::format("The account {} exists", id->text())};
            Account account{.id = id ? *id : AccountId::generate(state_->env().chance),
                            .name = name,
                            .alias = alias,
                            .created = state_->now()};
            TRY(change.save(account));
            return account;
        });
}

Result<std::vector<Account>> Engine::accounts()
{
    return state_->catalog().read([](catalog::View& view) { return view.accounts(); });
}

Result<Account> Engine::account_named(std::string const& name)
{
    auto found = TRY(
        state_->catalog().read([&](catalog::View& view) { return view.account_by_name(name); }));
    if (!found)
        return Error{Fault::not_found, Noun::account,
                     fmt::format("There is no account named '{}'", name)};
    return std::move(*found);
}

Result<Account> Engine::account(AccountId const& id)
{
    auto found = TRY(state_->catalog().read([&](catalog::View& view) { return view.account(id); }));
    if (!found)
        return Error{Fault::not_found, Noun::account,
                     fmt::format("There is no account {}", id.text())};
    return std::move(*found);
}

Result<AccessKey> Engine::create_access_key(AccountId const& account)
{
    return state_->catalog().change(
        admin("CreateAccessKey"), [&](catalog::Change& change) -> Result<AccessKey> {
            auto const owner = TRY(change.account(account));
            if (!owner)
                return Error{Fault::not_found, Noun::account,
                             fmt::format("There is no account {}", account.text())};
            Bytes secret(30); // forty characters of base64, as EC2's secrets have
            state_->env().chance.fill(secret);
            AccessKey key{.id = "AKIA" + random_word(state_->env().chance, 16),
                          .account = account,
                          .secret = Secret(to_base64(secret)),
                          .created = state_->now()};
            TRY(change.save(key));
            return key;
        });
}

Result<std::vector<AccessKey>> Engine::access_keys(AccountId const& account)
{
    return state_->catalog().read([&](catalog::View& view) { return view.access_keys(account); });
}

Result<std::optional<Credentials>> Engine::credentials(std::string const& access_key_id)
{
    return state_->catalog().read([&](catalog::View& view) -> Result<std::optional<Credentials>> {
        auto key = TRY(view.access_key(access_key_id));
        if (!key || !key->active)
            return std::optional<Credentials>();
        auto owner = TRY(view.account(key->account));
        if (!owner)
            return std::optional<Credentials>();
        return std::optional(Credentials{std::move(*key), std::move(*owner)});
    });
}

Result<std::string> Engine::owner_alias(AccountId const& id)
{
    auto const found =
        TRY(state_->catalog().read([&](catalog::View& view) { return view.account(id); }));
    return found ? found->alias : std::string();
}

Time Engine::now() const { return state_->now(); }

std::vector<std::string> const& Engine::regions() const { return state_->parts.settings.regions; }

Result<void> Engine::check_region(std::string const& region) const
{
    auto const& all = regions();
    if (std::find(all.begin(), all.end(), region) == all.end())
        return Error{Fault::not_found, Noun::region,
                     fmt::format("The region '{}' is not offered here; offered are {}", region,
                                 fmt::join(all, ", "))};
    return {};
}

std::vector<std::string> Engine::zones(std::string const& region) const
{
    return {region + "a", region + "b", region + "c"};
}

} // namespace karat::engine
