// SPDX-License-Identifier: Apache-2.0
#include "karat/log_limit.hpp"

#include <algorithm>
#include <utility>

namespace karat {

std::optional<std::uint64_t> LogLimit::admit(std::chrono::nanoseconds now)
{
    auto const passed = std::chrono::duration<double>(now - seen_).count();
    seen_ = now;
    left_ = std::min(rate_.burst, left_ + std::max(0.0, passed) * rate_.per_second);
    if (left_ < 1) {
        ++left_out_;
        return std::nullopt;
    }
    left_ -= 1;
    return std::exchange(left_out_, 0);
}

} // namespace karat
