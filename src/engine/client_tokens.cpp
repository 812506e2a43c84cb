// SPDX-License-Identifier: Apache-2.0
// Client tokens: a repeated call answers what the first one made.
#include "state.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::engine {
namespace {

constexpr std::chrono::hours kTokenLives{48};

} // namespace

Result<std::optional<std::vector<std::string>>> repeated(catalog::View& view, Caller const& caller,
                                                         Idempotency const& call)
{
    if (call.token.empty())
        return std::optional<std::vector<std::string>>();
    auto const used = TRY(view.token(caller.account, caller.region, call.action, call.token));
    if (!used)
        return std::optional<std::vector<std::string>>();
    if (used->fingerprint != call.fingerprint)
        return Error{
            Fault::mismatch, Noun::request,
            "The request uses the same client token as a previous, but non-identical request"};
    std::vector<std::string> ids;
    for (std::size_t at = 0; at < used->outcome.size();) {
        auto const blank = std::min(used->outcome.find(' ', at), used->outcome.size());
        ids.push_back(used->outcome.substr(at, blank - at));
        at = blank + 1;
    }
    return std::optional(std::move(ids));
}

Result<void> remember(Engine::State& state, catalog::Change& change, Caller const& caller,
                      Idempotency const& call, std::vector<std::string> const& ids)
{
    if (call.token.empty())
        return {};
    return change.save_token(caller.account, caller.region, call.action, call.token,
                             {call.fingerprint, fmt::format("{}", fmt::join(ids, " "))},
                             state.now() + kTokenLives);
}

} // namespace karat::engine
