// SPDX-License-Identifier: Apache-2.0
// How the metadata service of an instance answers: what the account prefers for new instances, what
// a new one gets, and changing it later.
#include "state.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::engine {
namespace {

MetadataDefaults defaults_of(Account const& account, std::string const& region)
{
    auto const found = std::ranges::find(account.metadata_defaults, region,
                                         [](MetadataDefaults const& one) { return one.region; });
    if (found != account.metadata_defaults.end())
        return *found;
    MetadataDefaults none;
    none.region = region;
    return none;
}

void change_word(std::optional<std::string>& word, std::optional<std::string> const& wanted)
{
    if (wanted)
        word = wanted->empty() ? std::nullopt : wanted;
}

MetadataDefaults changed(MetadataDefaults now, Engine::MetadataDefaultsChange const& wanted)
{
    change_word(now.http_tokens, wanted.http_tokens);
    change_word(now.http_endpoint, wanted.http_endpoint);
    change_word(now.instance_metadata_tags, wanted.instance_metadata_tags);
    change_word(now.http_tokens_enforced, wanted.http_tokens_enforced);
    if (auto const hops = wanted.http_put_response_hop_limit)
        now.http_put_response_hop_limit = *hops < 0 ? std::nullopt : hops;
    return now;
}

/// The account may enforce tokens: then no instance goes without.
Result<void> check_enforced(MetadataDefaults const& defaults, std::string const& http_tokens)
{
    if (defaults.http_tokens_enforced == "enabled" && http_tokens != "required")
        return fail(Fault::unsupported,
                    "The account enforces IMDSv2 (HttpTokensEnforced) in this region; set "
                    "HttpTokens to required");
    return {};
}

} // namespace

Result<MetadataOptions> launch_metadata(catalog::View& view, Caller const& caller,
                                        Image const& image, RunInstances const& request)
{
    auto const account = TRY(account_of(view, caller));
    auto const prefers = defaults_of(account, caller.region);
    bool const newer = image.imds_support == "v2.0";
    auto const first = [](auto const& asked, auto const& preferred, auto const& usual) {
        return asked ? *asked : preferred.value_or(usual);
    };
    MetadataOptions options;
    options.http_tokens = first(request.http_tokens, prefers.http_tokens,
                                std::string(newer ? "required" : "optional"));
    options.http_endpoint =
        first(request.http_endpoint, prefers.http_endpoint, options.http_endpoint);
    options.http_put_response_hop_limit = first(request.http_put_response_hop_limit,
                                                prefers.http_put_response_hop_limit, newer ? 2 : 1);
    options.instance_metadata_tags =
        first(request.instance_metadata_tags, prefers.instance_metadata_tags,
              options.instance_metadata_tags);
    TRY(check_enforced(prefers, options.http_tokens));
    return options;
}

Result<MetadataDefaults> Engine::metadata_defaults(Caller const& caller)
{
    return state_->catalog().read([&](catalog::View& view) -> Result<MetadataDefaults> {
        auto const account = TRY(account_of(view, caller));
        return defaults_of(account, caller.region);
    });
}

Result<void> Engine::change_metadata_defaults(Caller const& caller,
                                              MetadataDefaultsChange const& wanted, bool dry_run)
{
    return change_for(
        *state_, caller, "ModifyInstanceMetadataDefaults",
        [&](catalog::Change& change) -> Result<void> {
            auto account = TRY(account_of(change, caller));
            auto defaults = changed(defaults_of(account, caller.region), wanted);
            std::erase_if(account.metadata_defaults,
                          [&](MetadataDefaults const& one) { return one.region == caller.region; });
            account.metadata_defaults.push_back(std::move(defaults));
            TRY(rehearse(dry_run));
            return change.save(account);
        });
}

Result<Instance> Engine::change_metadata_options(Caller const& caller, InstanceId const& id,
                                                 MetadataOptionsChange const& wanted, bool dry_run)
{
    auto const hops = wanted.http_put_response_hop_limit;
    if (hops && (*hops < 1 || *hops > 64))
        return fail(Fault::invalid, "HttpPutResponseHopLimit is 1 to 64");
    auto const instance = TRY(change_for(
        *state_, caller, "ModifyInstanceMetadataOptions",
        [&](catalog::Change& change) -> Result<Instance> {
            auto found = TRY(find_own_instance(change, caller, id));
            auto const account = TRY(account_of(change, caller));
            auto& options = found.metadata;
            if (wanted.http_tokens && *wanted.http_tokens != options.http_tokens)
                TRY(check_enforced(defaults_of(account, caller.region), *wanted.http_tokens));
            options.http_tokens = wanted.http_tokens.value_or(options.http_tokens);
            options.http_endpoint = wanted.http_endpoint.value_or(options.http_endpoint);
            options.http_put_response_hop_limit =
                hops.value_or(options.http_put_response_hop_limit);
            options.instance_metadata_tags =
                wanted.instance_metadata_tags.value_or(options.instance_metadata_tags);
            TRY(rehearse(dry_run));
            TRY(change.save(found));
            return found;
        }));
    auto const told =
        state_->parts.hypervisor.set_hop_limit(id, instance.metadata.http_put_response_hop_limit);
    if (!told.ok() && told.error().fault != Fault::not_found) // one that is off reads it at start
        log(Level::error, "instance.hop_limit", told.error(), {{"instance", id.text()}});
    return instance;
}

} // namespace karat::engine
