// SPDX-License-Identifier: Apache-2.0
// How the metadata service of instances answers: of one instance, and an account's defaults.
#include "handlers.hpp"
#include "instance_reply.hpp"

#include "karat/wire/ec2/instances.hpp"

#include <fmt/format.h>

namespace karat::api::ec2 {
namespace {

constexpr std::string_view kNoPreference = "no-preference";

std::optional<std::string> preference(std::optional<std::string> const& asked)
{
    return asked == kNoPreference ? std::string() : asked;
}

} // namespace

Result<wire::ec2::ModifyInstanceMetadataOptionsResult>
modify_instance_metadata_options(Desk const& desk,
                                 wire::ec2::ModifyInstanceMetadataOptionsRequest const& request)
{
    auto const id = TRY(InstanceId::parse(request.instance_id));
    engine::MetadataOptionsChange const change{
        .http_tokens = request.http_tokens,
        .http_endpoint = request.http_endpoint,
        .http_put_response_hop_limit = request.http_put_response_hop_limit,
        .instance_metadata_tags = request.instance_metadata_tags};
    auto const changed =
        TRY(desk.engine.change_metadata_options(desk.caller, id, change, request.dry_run));
    return wire::ec2::ModifyInstanceMetadataOptionsResult{
        .instance_id = id.text(), .instance_metadata_options = wire_options(changed.metadata)};
}

Result<wire::ec2::ModifyInstanceMetadataDefaultsResult>
modify_instance_metadata_defaults(Desk const& desk,
                                  wire::ec2::ModifyInstanceMetadataDefaultsRequest const& request)
{
    if (request.http_put_response_hop_limit == 0)
        return fail(Fault::invalid, "HttpPutResponseHopLimit is 1 to 64, or -1 for no preference");
    engine::Engine::MetadataDefaultsChange const change{
        .http_tokens = preference(request.http_tokens),
        .http_endpoint = preference(request.http_endpoint),
        .http_put_response_hop_limit = request.http_put_response_hop_limit,
        .instance_metadata_tags = preference(request.instance_metadata_tags),
        .http_tokens_enforced = preference(request.http_tokens_enforced)};
    TRY(desk.engine.change_metadata_defaults(desk.caller, change, request.dry_run));
    return wire::ec2::ModifyInstanceMetadataDefaultsResult{};
}

Result<wire::ec2::GetInstanceMetadataDefaultsResult>
get_instance_metadata_defaults(Desk const& desk,
                               wire::ec2::GetInstanceMetadataDefaultsRequest const&)
{
    auto const defaults = TRY(desk.engine.metadata_defaults(desk.caller));
    return wire::ec2::GetInstanceMetadataDefaultsResult{
        .account_level = wire::ec2::InstanceMetadataDefaultsResponse{
            .http_tokens = defaults.http_tokens,
            .http_put_response_hop_limit = defaults.http_put_response_hop_limit,
            .http_endpoint = defaults.http_endpoint,
            .instance_metadata_tags = defaults.instance_metadata_tags,
            .managed_by = "account",
            .managed_exception_message = {},
            .http_tokens_enforced = defaults.http_tokens_enforced}};
}

} // namespace karat::api::ec2
