// SPDX-License-Identifier: Apache-2.0
// store_torture states|corruption|model|allocations|kills COUNT [SEED]: see torture.hpp.
#include "torture.hpp"

#include "karat/log.hpp"

#include <cstdio>
#include <cstdlib>
#include <string_view>

int main(int count, char** words)
{
    using namespace karat;
    struct Part {
        std::string_view name;
        bool (*run)(std::uint64_t, std::uint64_t);
    };
    constexpr Part kParts[] = {
        {"states", torture::crash_states}, {"corruption", torture::corruption},
        {"model", torture::model},         {"allocations", torture::allocations},
        {"kills", torture::kills},
    };
    set_log_level(static_cast<Level>(4)); // what a torn store logs would be millions of lines
    for (auto const& part : kParts)
        if (count >= 3 && part.name == words[1]) {
            auto const seed = count > 3 ? std::strtoull(words[3], nullptr, 10) : 1;
            return part.run(std::strtoull(words[2], nullptr, 10), seed) ? 0 : 1;
        }
    std::fprintf(stderr, "usage: store_torture states|corruption|model|allocations|kills COUNT "
                         "[SEED]\n");
    return 2;
}
