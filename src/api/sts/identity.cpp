// SPDX-License-Identifier: Apache-2.0
#include "handlers.hpp"

#include <fmt/format.h>

namespace karat::api::sts {

// There are no users within an account yet: every key acts as its root.
Result<wire::sts::GetCallerIdentityResult>
get_caller_identity(Desk const& desk, wire::sts::GetCallerIdentityRequest const&)
{
    auto const account = desk.caller.account.text();
    return wire::sts::GetCallerIdentityResult{.user_id = account,
                                              .account = account,
                                              .arn = fmt::format("arn:aws:iam::{}:root", account)};
}

} // namespace karat::api::sts
