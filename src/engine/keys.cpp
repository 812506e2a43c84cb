// SPDX-License-Identifier: Apache-2.0
// Key pairs: made here with OpenSSL, or brought by the caller.
#include "state.hpp"

#include "openssh_key.hpp"

#include <fmt/format.h>

namespace karat::engine {
namespace {

Result<KeyPair> save_pair(Engine::State& state, Caller const& caller, NewKeyPair const& request,
                          PublicKey const& key, char const* action)
{
    return change_for(state, caller, action, [&](catalog::Change& change) -> Result<KeyPair> {
        KeyPair pair{.id = KeyPairId::generate(state.env().chance),
                     .owner = caller.account,
                     .region = caller.region,
                     .name = request.name,
                     .type = key.type,
                     .fingerprint = key.fingerprint,
                     .public_key = key.openssh_line + " " + request.name,
                     .created = state.now()};
        pair.tags = request.tags;
        auto const there = TRY(change.key_pair({caller.region, caller.account}, request.name));
        if (there)
            return Error{Fault::duplicate, Noun::key_pair_name,
                         fmt::format("The keypair '{}' already exists.", request.name)};
        TRY(rehearse(request.dry_run));
        TRY(change.save(pair));
        return pair;
    });
}

} // namespace

Result<CreatedKeyPair> Engine::create_key_pair(Caller const& caller, NewKeyPair const& request)
{
    TRY(check_key_pair_name(request.name));
    TRY(check_tags(request.tags));
    auto key = TRY(generate_key(request.type, request.format));
    auto pair = TRY(save_pair(*state_, caller, request, key.public_key, "CreateKeyPair"));
    return CreatedKeyPair{std::move(pair), std::move(key.private_text)};
}

Result<KeyPair> Engine::import_key_pair(Caller const& caller, NewKeyPair const& request,
                                        std::string const& public_key)
{
    TRY(check_key_pair_name(request.name));
    TRY(check_tags(request.tags));
    auto const key = TRY(read_public_key(public_key));
    return save_pair(*state_, caller, request, key, "ImportKeyPair");
}

Result<std::optional<KeyPairId>> Engine::delete_key_pair(Caller const& caller,
                                                         std::string const& name,
                                                         std::optional<KeyPairId> const& id,
                                                         bool dry_run)
{
    return change_for(*state_, caller, "DeleteKeyPair",
                      [&](catalog::Change& change) -> Result<std::optional<KeyPairId>> {
                          auto const pairs = TRY(change.key_pairs({caller.region, caller.account}));
                          TRY(rehearse(dry_run));
                          for (auto const& pair : pairs) {
                              if (id ? pair.id != *id : pair.name != name)
                                  continue;
                              TRY(change.remove(pair.id));
                              return std::optional(pair.id);
                          }
                          if (id)
                              return not_found(*id);
                          return std::optional<KeyPairId>();
                      });
}

Result<catalog::Refs<KeyPair>> Engine::key_pairs(Caller const& caller)
{
    return state_->catalog().read([&](catalog::View& view) {
        return view.list<KeyPair>(catalog::within({caller.region, caller.account}));
    });
}

} // namespace karat::engine
