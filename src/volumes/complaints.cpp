// SPDX-License-Identifier: Apache-2.0
#include "complaints.hpp"

#include <fmt/format.h>

namespace karat::volumes {

Error Complaints::damaged(std::string_view what, Where where) const
{
    return {trust_ == Trust::own ? Fault::corrupt : Fault::invalid,
            {},
            fmt::format("The disk image {} is damaged: {}; copy it again, or check it with "
                        "'qemu-img check'",
                        path_, what),
            where};
}

Error Complaints::unsupported(std::string_view what, Where where) const
{
    return {Fault::unsupported,
            {},
            fmt::format("The disk image {} {}; make a plain copy of it with 'qemu-img convert' "
                        "where you trust it, and use that",
                        path_, what),
            where};
}

Error Complaints::cut_off(std::string_view what, Where where) const
{
    return {
        trust_ == Trust::own ? Fault::corrupt : Fault::invalid,
        {},
        fmt::format("The disk image {} is cut off: {} beyond its end; copy it again", path_, what),
        where};
}

Error Complaints::too_large(Where where) const
{
    return {Fault::invalid,
            {},
            fmt::format("The disk image {} is larger than 64 TiB, the most that a volume can hold",
                        path_),
            where};
}

} // namespace karat::volumes
