// SPDX-License-Identifier: Apache-2.0
// The half of a File that changes it, refused: for disk images, which are only read.
#pragma once

#include "karat/env.hpp"

namespace karat::volumes {

class ReadOnlyFile : public File {
public:
    Result<void> write_at(std::uint64_t, std::span<std::byte const>) final { return refused(); }
    Result<void> sync_data() final { return refused(); }
    Result<void> truncate(std::uint64_t) final { return refused(); }
    Result<void> punch_hole(Range) final { return refused(); }

private:
    static Error refused() { return fail(Fault::io, "A disk image is only read"); }
};

} // namespace karat::volumes
