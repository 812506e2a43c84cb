// SPDX-License-Identifier: Apache-2.0
// Client tokens of RunInstances: a repeated call answers what the first one made.
#include "state.hpp"

#include <algorithm>

namespace karat::engine {
namespace {

constexpr std::chrono::hours kTokenLives{48};

} // namespace

Result<std::optional<std::vector<Instance>>> repeated(catalog::View& view, Caller const& caller,
                                                      RunInstances const& request)
{
    if (request.client_token.empty())
        return std::optional<std::vector<Instance>>();
    auto const used =
        TRY(view.token(caller.account, caller.region, "RunInstances", request.client_token));
    if (!used)
        return std::optional<std::vector<Instance>>();
    if (used->fingerprint != request.fingerprint)
        return Error{
            Fault::mismatch, Noun::request,
            "The request uses the same client token as a previous, but non-identical request"};
    std::vector<Instance> instances;
    for (std::size_t at = 0; at < used->outcome.size();) {
        auto const blank = std::min(used->outcome.find(' ', at), used->outcome.size());
        auto const id = TRY(InstanceId::parse(used->outcome.substr(at, blank - at)));
        if (auto instance = TRY(view.instance(id)))
            instances.push_back(std::move(*instance));
        at = blank + 1;
    }
    if (instances.empty())
        return Error{Fault::mismatch, Noun::instance,
                     "The request uses the same client token as a previous request whose instances "
                     "have been terminated"};
    return std::optional(std::move(instances));
}

Result<void> remember(Engine::State& state, catalog::Change& change, Caller const& caller,
                      RunInstances const& request, std::vector<Instance> const& instances)
{
    if (request.client_token.empty())
        return {};
    std::string ids;
    for (auto const& instance : instances)
        ids += (ids.empty() ? "" : " ") + instance.id.text();
    return change.save_token(caller.account, caller.region, "RunInstances", request.client_token,
                             {request.fingerprint, ids}, state.now() + kTokenLives);
}

} // namespace karat::engine
