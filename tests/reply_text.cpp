// SPDX-License-Identifier: Apache-2.0
#include "reply_text.hpp"

#include "karat/hash.hpp"
#include "karat/json.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <pugixml.hpp>

namespace karat::testing {
namespace {

using Json = nlohmann::ordered_json;

Node from_xml(pugi::xml_node xml)
{
    Node node{.name = xml.name(), .text = xml.text().get(), .children = {}};
    for (auto const child : xml.children())
        if (child.type() == pugi::node_element)
            node.children.push_back(from_xml(child));
    return node;
}

Node from_json(std::string name, Json const& json)
{
    Node node{.name = std::move(name), .text = {}, .children = {}};
    if (json.is_object())
        for (auto const& [key, value] : json.items())
            node.children.push_back(from_json(key, value));
    else if (json.is_array())
        for (auto const& value : json)
            node.children.push_back(from_json("item", value));
    else
        node.text = json.is_string() ? json.get<std::string>() : json.dump();
    return node;
}

bool is_item(Node const& node) { return node.name == "item" || node.name == "member"; }

bool is_leaf(Node const& node) { return node.children.empty(); }

/// Names are the same but for the case of their first letter: callers write ImageId, XML imageId.
bool same_name(std::string_view a, std::string_view b)
{
    auto const lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    return !a.empty() && a.size() == b.size() && lower(a[0]) == lower(b[0]) &&
           a.substr(1) == b.substr(1);
}

/// A leaf's text, or "name=text …" of what is below.
std::string in_one_line(Node const& node)
{
    if (is_leaf(node))
        return node.text;
    std::string line;
    for (auto const& child : node.children)
        line += (line.empty() ? "" : " ") +
                (is_item(child)   ? (is_leaf(child) ? child.text : "{" + in_one_line(child) + "}")
                 : is_leaf(child) ? child.name + "=" + child.text
                                  : child.name + "={" + in_one_line(child) + "}");
    return line;
}

void print(Node const& node, std::size_t depth, std::string& into)
{
    auto const indent = std::string(depth * 2, ' ');
    auto const line = in_one_line(node);
    if (is_leaf(node) || (depth > 0 && line.size() + indent.size() < 90)) {
        into += indent + node.name + (line.empty() ? "" : " " + line) + "\n";
        return;
    }
    into += indent + node.name + "\n";
    for (auto const& child : node.children)
        print(child, depth + 1, into);
}

/// Where a path may begin: a node, and the innermost list item around it.
struct Found {
    Node const* node;
    Node const* record;
    std::size_t depth;
};

void descend(Node const& node, std::string_view rest, Found at, std::vector<Found>& found)
{
    auto const slash = rest.find('/');
    auto const name = rest.substr(0, slash);
    for (auto const& child : node.children) {
        if (is_item(child)) { // lists are seen through
            descend(child, rest, {nullptr, at.record, at.depth + 1}, found);
            continue;
        }
        if (!same_name(child.name, name))
            continue;
        if (slash == std::string_view::npos)
            found.push_back({&child, at.record, at.depth});
        else
            descend(child, rest.substr(slash + 1), at, found);
    }
}

/// Every place below `node` from which the path leads on, outermost records first.
void search(Node const& node, std::string_view path, Found at, std::vector<Found>& found)
{
    auto const slash = path.find('/');
    for (auto const& child : node.children) {
        if (same_name(child.name, path.substr(0, slash))) {
            if (slash == std::string_view::npos)
                found.push_back({&child, at.record, at.depth});
            else
                descend(child, path.substr(slash + 1), at, found);
        }
        search(child, path, {nullptr, is_item(child) ? &child : at.record, at.depth + 1}, found);
    }
}

std::vector<Found> search(Node const& node, std::string_view path)
{
    std::vector<Found> found;
    search(node, path, {nullptr, &node, 0}, found);
    return found;
}

bool holds(Node const& outer, Node const* inner)
{
    return std::ranges::any_of(
        outer.children, [&](Node const& child) { return &child == inner || holds(child, inner); });
}

/// What base64 holds, on one line.
std::string decoded(std::string const& base64)
{
    auto const bytes = from_base64(base64);
    if (!bytes.ok())
        return "(not base64)";
    std::string text(as_text(bytes.value()));
    std::ranges::replace(text, '\n', '/');
    return text;
}

/// The values of a path in one record: those that are least deep.
std::string values(Node const& record, std::string_view path)
{
    constexpr std::string_view kDecode = ":text";
    if (path.ends_with(kDecode))
        return decoded(values(record, path.substr(0, path.size() - kDecode.size())));
    auto const found = search(record, path);
    auto const nearest = std::ranges::min_element(found, {}, &Found::depth);
    std::string text;
    for (auto const& one : found)
        if (one.depth == nearest->depth)
            text += (text.empty() ? "" : ",") + in_one_line(*one.node);
    return text.empty() ? "-" : text;
}

Node const* find_leaf(Node const& node, std::string_view name)
{
    auto const found = search(node, name);
    return found.empty() ? nullptr : found.front().node;
}

} // namespace

Node read_reply(api::Reply const& reply)
{
    if (reply.content_type.find("json") != std::string::npos)
        return from_json("reply", Json::parse(reply.body, nullptr, false));
    pugi::xml_document document;
    auto const parsed = document.load_string(reply.body.c_str());
    if (!parsed)
        return {.name = "not-xml", .text = parsed.description(), .children = {}};
    auto node = from_xml(document.document_element());
    std::erase_if(node.children, [](Node const& child) {
        return child.name == "requestId" || child.name == "ResponseMetadata";
    });
    return node;
}

std::string print_error(api::Reply const& reply)
{
    auto const node = read_reply(reply);
    auto const text = [&](std::string_view name) {
        auto const* const leaf = find_leaf(node, name);
        return leaf == nullptr ? std::string() : leaf->text;
    };
    auto const code = text("Code");
    return fmt::format("! {} {} {}\n", reply.status, code.empty() ? text("__type") : code,
                       text("Message"));
}

std::string print_whole(Node const& reply)
{
    std::string text;
    for (auto const& child : reply.children)
        print(child, 0, text);
    return text;
}

std::string print_members(Node const& reply, std::vector<std::string> const& paths)
{
    std::string text;
    std::vector<Node const*> records;
    auto const first = paths.front().substr(0, paths.front().find(':'));
    for (auto const& one : search(reply, first)) {
        bool const seen = std::ranges::any_of(records, [&](Node const* record) {
            return record == one.record || holds(*record, one.record);
        });
        if (!seen)
            records.push_back(one.record);
    }
    for (auto const* const record : records) {
        std::string line;
        for (auto const& path : paths)
            line += (line.empty() ? "" : " ") + values(*record, path);
        text += line + "\n";
    }
    return text;
}

} // namespace karat::testing
