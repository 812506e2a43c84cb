// SPDX-License-Identifier: Apache-2.0
// Public SSM parameters: what publishers say their newest images are.
#include "state.hpp"

namespace karat::engine {

Result<std::optional<Parameter>> Engine::parameter(Caller const& caller, std::string const& name)
{
    return state_->catalog().read(
        [&](catalog::View& view) { return view.parameter({caller.region, {}}, name); });
}

Result<void> Engine::parameters_below(Caller const& caller, std::string const& path, bool recursive,
                                      std::string const& after, Visit<Parameter> const& visit)
{
    auto prefix = path;
    if (!prefix.ends_with('/'))
        prefix += '/';
    auto const visit_if_below = [&](catalog::Ref<Parameter> const& one) -> Result<bool> {
        bool const is_deeper = one->name.find('/', prefix.size()) != std::string::npos;
        return is_deeper && !recursive ? true : visit(one);
    };
    return state_->catalog().read([&](catalog::View& view) {
        catalog::PassOverDamaged const passing(view, caller.account);
        return view.walk_keys<Parameter>(catalog::parameters_below(caller.region, prefix, after),
                                         visit_if_below);
    });
}

} // namespace karat::engine
