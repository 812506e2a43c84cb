// SPDX-License-Identifier: Apache-2.0
#include "describe.hpp"
#include "handlers.hpp"

#include "karat/wire/ec2/keys.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::api::ec2 {
namespace {

using Pair = wire::ec2::KeyPairInfo;

constexpr FilterRule<Pair> kPairRules[] = {
    {"fingerprint", at<&Pair::key_fingerprint>},
    {"key-name", at<&Pair::key_name>},
    {"key-pair-id", at<&Pair::key_pair_id>},
};
constexpr Listing<Pair> kPairs{kPairRules, tags_at<&Pair::tags>};

wire::ec2::KeyPairInfo wire_pair(KeyPair const& pair, bool with_public_key)
{
    wire::ec2::KeyPairInfo reply{.key_pair_id = pair.id.text(),
                                 .key_type = pair.type,
                                 .tags = wire_tags(pair.tags),
                                 .create_time = whole_seconds(pair.created),
                                 .key_name = pair.name,
                                 .key_fingerprint = pair.fingerprint};
    if (with_public_key)
        reply.public_key = pair.public_key;
    return reply;
}

/// Pairs by name and by id: all must exist; all pairs when neither is given.
Result<catalog::Refs<KeyPair>> selected_pairs(Desk const& desk,
                                              wire::ec2::DescribeKeyPairsRequest const& request)
{
    auto pairs = TRY(desk.engine.key_pairs(desk.caller));
    auto wanted = TRY(parse_ids<KeyPairId>(request.key_pair_ids));
    for (auto const& name : request.key_names) {
        auto const found =
            std::ranges::find_if(pairs, [&](auto const& pair) { return pair->name == name; });
        if (found == pairs.end())
            return Error{Fault::not_found, Noun::key_pair_name,
                         fmt::format("The key pair '{}' does not exist", name.substr(0, 255))};
        wanted.push_back((*found)->id);
    }
    TRY(keep_only(pairs, wanted));
    return pairs;
}

} // namespace

Result<wire::ec2::CreateKeyPairResult>
create_key_pair(Desk const& desk, wire::ec2::CreateKeyPairRequest const& request)
{
    bool const for_putty = request.key_format.value_or("pem") == "ppk"; // "pem" is the only other
    auto tags = TRY(tags_for(request.tag_specifications, "key-pair"));
    auto const made = TRY(desk.engine.create_key_pair(
        desk.caller, {.name = request.key_name,
                      .type = request.key_type.value_or("rsa"),
                      .format = for_putty ? engine::KeyFormat::ppk : engine::KeyFormat::pem,
                      .tags = std::move(tags),
                      .dry_run = request.dry_run}));
    wire::ec2::CreateKeyPairResult result;
    result.key_pair_id = made.pair.id.text();
    result.tags = wire_tags(made.pair.tags);
    result.key_name = made.pair.name;
    result.key_fingerprint = made.pair.fingerprint;
    result.key_material = made.private_key.reveal();
    return result;
}

Result<wire::ec2::ImportKeyPairResult>
import_key_pair(Desk const& desk, wire::ec2::ImportKeyPairRequest const& request)
{
    auto tags = TRY(tags_for(request.tag_specifications, "key-pair"));
    engine::NewKeyPair const wanted{
        .name = request.key_name, .tags = std::move(tags), .dry_run = request.dry_run};
    auto const pair =
        TRY(desk.engine.import_key_pair(desk.caller, wanted, request.public_key_material));
    return wire::ec2::ImportKeyPairResult{.key_fingerprint = pair.fingerprint,
                                          .key_name = pair.name,
                                          .key_pair_id = pair.id.text(),
                                          .tags = wire_tags(pair.tags)};
}

Result<wire::ec2::DeleteKeyPairResult>
delete_key_pair(Desk const& desk, wire::ec2::DeleteKeyPairRequest const& request)
{
    if (!request.key_name && !request.key_pair_id)
        return fail(Fault::missing, "The request must contain the parameter KeyName or KeyPairId");
    std::optional<KeyPairId> id;
    if (request.key_pair_id)
        id = TRY(KeyPairId::parse(*request.key_pair_id));
    auto const gone = TRY(desk.engine.delete_key_pair(desk.caller, request.key_name.value_or(""),
                                                      id, request.dry_run));
    wire::ec2::DeleteKeyPairResult result;
    if (gone)
        result.key_pair_id = gone->text();
    return result;
}

Result<wire::ec2::DescribeKeyPairsResult>
describe_key_pairs(Desk const& desk, wire::ec2::DescribeKeyPairsRequest const& request)
{
    auto const pairs = TRY(selected_pairs(desk, request));
    std::vector<Pair> all;
    for (auto const& pair : pairs)
        all.push_back(wire_pair(*pair, request.include_public_key.value_or(false)));
    wire::ec2::DescribeKeyPairsResult result;
    result.key_pairs = TRY(filtered(std::move(all), request.filters, kPairs));
    return result;
}

} // namespace karat::api::ec2
