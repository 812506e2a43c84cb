// SPDX-License-Identifier: Apache-2.0
#include "xml_writer.hpp"

#include <cstddef>

namespace karat::wire {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD"; // U+FFFD

unsigned byte_at(std::string_view text, std::size_t i)
{
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
}

struct Sequence {
    std::size_t length;
    unsigned least; // smaller code points have a shorter form
    unsigned bits;  // of the first byte
};

Sequence sequence(unsigned first)
{
    if (first >= 0xC2 && first <= 0xDF)
        return {2, 0x80, first & 0x1F};
    if (first >= 0xE0 && first <= 0xEF)
        return {3, 0x800, first & 0x0F};
    if (first >= 0xF0 && first <= 0xF4)
        return {4, 0x10000, first & 0x07};
    return {0, 0, 0};
}

/// The length of the UTF-8 character at the front, or 0 if XML cannot carry it.
std::size_t xml_character(std::string_view text)
{
    auto const first = byte_at(text, 0);
    if (first < 0x80)
        return first >= 0x20 && first != 0x7F ? 1 : (first == '\t' || first == '\n' ? 1 : 0);
    auto const [length, least, bits] = sequence(first);
    auto code = bits;
    for (std::size_t i = 1; i < length; ++i) {
        auto const next = byte_at(text, i);
        if ((next & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (next & 0x3F);
    }
    bool const is_surrogate = code >= 0xD800 && code <= 0xDFFF;
    bool const is_allowed =
        code >= least && code <= 0x10FFFF && !is_surrogate && code != 0xFFFE && code != 0xFFFF;
    return is_allowed ? length : 0;
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
