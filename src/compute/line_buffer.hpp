// SPDX-License-Identifier: Apache-2.0
// Cuts a stream into lines of bounded length. Fuzzed by fuzz/qmp_lines.
#pragma once

#include "karat/result.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace karat::compute {

class LineBuffer {
public:
    explicit LineBuffer(std::size_t longest_line)
        : longest_line_(longest_line)
    {
    }

    /// Fault::exhausted when a line becomes longer than allowed; nothing more comes out then.
    Result<void> add(std::string_view bytes);
    /// The next whole line without its end; nothing when there is none yet.
    std::optional<std::string> next();

private:
    std::size_t longest_line_;
    std::string pending_;
    std::size_t at_ = 0; ///< Where in `pending_` the next line begins.
};

} // namespace karat::compute
