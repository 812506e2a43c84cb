// SPDX-License-Identifier: Apache-2.0
// Public SSM parameters: what publishers say their newest images are.
#include "state.hpp"

#include <algorithm>

namespace karat::engine {

Result<std::optional<Parameter>> Engine::parameter(Caller const& caller, std::string const& name)
{
    return state_->catalog().read(
        [&](catalog::View& view) { return view.parameter({caller.region, {}}, name); });
}

Result<std::vector<Parameter>> Engine::parameters_below(Caller const& caller,
                                                        std::string const& path, bool recursive)
{
    auto prefix = path;
    if (!prefix.ends_with('/'))
        prefix += '/';
    auto found = TRY(state_->catalog().read([&](catalog::View& view) {
        catalog::PassOverDamaged const passing(view, caller.account);
        return view.parameters({caller.region, {}}, prefix);
    }));
    if (!recursive)
        std::erase_if(found, [&](Parameter const& one) {
            return one.name.find('/', prefix.size()) != std::string::npos;
        });
    return found;
}

} // namespace karat::engine
