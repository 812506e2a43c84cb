// SPDX-License-Identifier: Apache-2.0
#include "line_buffer.hpp"

namespace karat::compute {

Result<void> LineBuffer::add(std::string_view bytes)
{
    pending_.erase(0, at_);
    at_ = 0;
    pending_ += bytes;
    std::size_t begin = 0;
    while (begin < pending_.size()) {
        auto const end = std::min(pending_.find('\n', begin), pending_.size());
        if (end - begin > longest_line_) {
            pending_.clear();
            return fail(Fault::exhausted, "A line is longer than " + std::to_string(longest_line_));
        }
        begin = end + 1;
    }
    return {};
}

std::optional<std::string> LineBuffer::next()
{
    auto const end = pending_.find('\n', at_);
    if (end == std::string::npos)
        return std::nullopt;
    auto line = pending_.substr(at_, end - at_);
    at_ = end + 1;
    if (line.ends_with('\r'))
        line.pop_back();
    return line;
}

} // namespace karat::compute
