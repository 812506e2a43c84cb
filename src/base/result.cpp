// SPDX-License-Identifier: Apache-2.0
#include "karat/result.hpp"

#include <cstdio>
#include <cstdlib>

namespace karat {

char const* name(Fault fault)
{
    switch (fault) {
    case Fault::invalid:
        return "invalid";
    case Fault::missing:
        return "missing";
    case Fault::unknown:
        return "unknown";
    case Fault::not_found:
        return "not_found";
    case Fault::duplicate:
        return "duplicate";
    case Fault::mismatch:
        return "mismatch";
    case Fault::wrong_state:
        return "wrong_state";
    case Fault::in_use:
        return "in_use";
    case Fault::denied:
        return "denied";
    case Fault::dry_run:
        return "dry_run";
    case Fault::exhausted:
        return "exhausted";
    case Fault::unsupported:
        return "unsupported";
    case Fault::unavailable:
        return "unavailable";
    case Fault::corrupt:
        return "corrupt";
    case Fault::full:
        return "full";
    case Fault::io:
        return "io";
    }
    return "?";
}

void broken(char const* what, Where where)
{
    std::fprintf(stderr, "karat: broken: %s at %s:%d\n", what, where.file, where.line);
    std::abort();
}

} // namespace karat
