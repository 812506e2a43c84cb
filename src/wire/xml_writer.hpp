// SPDX-License-Identifier: Apache-2.0
// Writes XML 1.0 that any parser takes, whatever the text: markup is escaped, and bytes that XML
// cannot carry (control characters, broken UTF-8) become U+FFFD.
#pragma once

#include <string>
#include <string_view>

namespace karat::wire {

class XmlWriter {
public:
    /// Starts with the XML declaration.
    XmlWriter();

    void open(std::string_view name);
    /// `xmlns` is trusted: it comes from a model.
    void open(std::string_view name, std::string_view xmlns);
    void close(std::string_view name);
    void empty(std::string_view name);
    void element(std::string_view name, std::string_view text);

    std::string take() { return std::move(text_); }

private:
    void escape(std::string_view text);

    std::string text_;
};

} // namespace karat::wire
