// SPDX-License-Identifier: Apache-2.0
#include "karat/priority.hpp"

#include <sys/resource.h>

namespace karat {

void take_lowest_priority()
{
    constexpr int kLowest = 19;
    (void)::setpriority(PRIO_PROCESS, 0, kLowest); // Linux means the thread by 0
}

} // namespace karat
