// SPDX-License-Identifier: Apache-2.0
#include "xml_writer.hpp"

#include "karat/utf8.hpp"

#include <cstddef>

namespace karat::wire {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD"; // U+FFFD

/// The length of the UTF-8 character at the front, or 0 if XML cannot carry it.
std::size_t xml_character(std::string_view text)
{
    auto const point = first_code_point(text);
    if (!point)
        return 0;
    auto const code = point->value;
    bool const is_control = (code < 0x20 && code != '\t' && code != '\n') || code == 0x7f;
    bool const is_no_character = code == 0xfffe || code == 0xffff;
    return is_control || is_no_character ? 0 : point->length_bytes;
}

std::string_view entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\r':
        return "&#13;"; // a parser would turn a bare one into a line feed
    default:
        return {};
    }
}

} // namespace

XmlWriter::XmlWriter()
    : text_("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
{
}

void XmlWriter::open(std::string_view name) { text_.append("<").append(name).append(">"); }

void XmlWriter::open(std::string_view name, std::string_view xmlns)
{
    text_.append("<").append(name).append(" xmlns=\"").append(xmlns).append("\">");
}

void XmlWriter::close(std::string_view name) { text_.append("</").append(name).append(">"); }

void XmlWriter::empty(std::string_view name) { text_.append("<").append(name).append("/>"); }

void XmlWriter::element(std::string_view name, std::string_view text)
{
    if (text.empty())
        return empty(name);
    open(name);
    escape(text);
    close(name);
}

void XmlWriter::escape(std::string_view text)
{
    while (!text.empty()) {
        auto const replaced = entity(text.front());
        auto const length = replaced.empty() ? xml_character(text) : 1;
        if (!replaced.empty())
            text_.append(replaced);
        else
            text_.append(length == 0 ? kReplacement : text.substr(0, length));
        text.remove_prefix(length == 0 ? 1 : length);
    }
}

} // namespace karat::wire
