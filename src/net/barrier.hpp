// SPDX-License-Identifier: Apache-2.0
// What handling one frame or one request throws ends with it: the guest's other connections go on.
#pragma once

#include "karat/log.hpp"

#include <exception>

namespace karat::net {

/// Whether `work` came to its end. What it threw is in the log, where there is memory for that.
template <class Work>
bool survives(char const* what, Work const& work) noexcept
{
    auto const tell = [what](char const* why) noexcept {
        try {
            log(Level::warn, "net.threw", {{"what", what}, {"message", why}});
        } catch (...) {
            return;
        }
    };
    try {
        work();
        return true;
    } catch (std::exception const& problem) {
        tell(problem.what());
    } catch (...) {
        tell("unknown");
    }
    return false;
}

} // namespace karat::net
