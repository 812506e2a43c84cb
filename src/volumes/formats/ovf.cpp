// SPDX-License-Identifier: Apache-2.0
#include "formats/ovf.hpp"

#include "formats/tar.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <pugixml.hpp>

namespace karat::volumes::ovf {
namespace {

constexpr std::size_t kMaxNameBytes = 4096;
constexpr std::size_t kMaxDisks = 256;

/// A name without its namespace's prefix, of which each writer has its own.
std::string_view local(std::string_view name)
{
    auto const colon = name.find(':');
    return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

std::string_view attribute(pugi::xml_node node, std::string_view name)
{
    for (auto const one : node.attributes())
        if (local(one.name()) == name)
            return one.value();
    return {};
}

/// Whether this section lists disks; OVF 0.9 said so by its type.
bool is_disk_section(pugi::xml_node node)
{
    return local(node.name()) == "DiskSection" ||
           (local(node.name()) == "Section" &&
            local(attribute(node, "type")) == "DiskSection_Type");
}

/// What VirtualBox says of an installation medium.
bool is_cd(std::string_view format, std::string_view href)
{
    return format.find("Ecma-119") != std::string_view::npos || href.ends_with(".iso") ||
           href.ends_with(".ISO");
}

std::uint64_t number_of(std::string_view digits)
{
    std::uint64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
}

pugi::xml_node find_file(pugi::xml_node envelope, std::string_view id)
{
    for (auto const section : envelope.children())
        if (local(section.name()) == "References")
            for (auto const file : section.children())
                if (local(file.name()) == "File" && attribute(file, "id") == id)
                    return file;
    return {};
}

Result<void> add_disk(pugi::xml_node envelope, pugi::xml_node node, std::vector<Disk>& disks,
                      Complaints const& complaints)
{
    auto const id = attribute(node, "fileRef");
    if (id.empty()) // an empty disk, to be made when the machine is
        return {};
    auto const file = find_file(envelope, id);
    if (!file)
        return complaints.damaged(
            fmt::format("its description does not say which file '{}' is", shown(id)));
    Disk disk{.href = std::string(attribute(file, "href")),
              .compression = std::string(attribute(file, "compression")),
              .in_chunks = !attribute(file, "chunkSize").empty(),
              .size_bytes = number_of(attribute(file, "size"))};
    if (is_cd(attribute(node, "format"), disk.href))
        return {};
    if (!attribute(node, "parentRef").empty())
        return complaints.unsupported("holds a disk that is the difference to another",
                                      "export it without snapshots where it was made");
    if (disk.compression == "identity")
        disk.compression.clear();
    disks.push_back(std::move(disk));
    return {};
}

int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    auto const lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string percent_decoded(std::string_view text)
{
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        bool const coded = text[i] == '%' && i + 2 < text.size() && digit_of(text[i + 1]) >= 0 &&
                           digit_of(text[i + 2]) >= 0;
        plain +=
            coded ? static_cast<char>(digit_of(text[i + 1]) * 16 + digit_of(text[i + 2])) : text[i];
        i += coded ? 2 : 0;
    }
    return plain;
}

bool leads_out(std::string_view name)
{
    return name.starts_with('/') || name == ".." || name.starts_with("../") ||
           name.ends_with("/..") || name.find("/../") != std::string_view::npos ||
           name.find("://") != std::string_view::npos;
}

} // namespace

Result<std::vector<Disk>> read_disks(std::span<std::byte const> xml, Complaints const& complaints)
{
    pugi::xml_document document;
    auto const parsed = document.load_buffer(xml.data(), xml.size());
    if (!parsed)
        return complaints.damaged(fmt::format("its description (OVF) cannot be read: {} at byte {}",
                                              parsed.description(), parsed.offset));
    auto const envelope = document.document_element();
    if (local(envelope.name()) != "Envelope")
        return complaints.damaged("its description is no OVF");
    std::vector<Disk> disks;
    std::size_t listed = 0;
    for (auto const section : envelope.children())
        if (is_disk_section(section))
            for (auto const node : section.children())
                if (local(node.name()) == "Disk") {
                    if (++listed > kMaxDisks) // each is looked up among the files
                        return complaints.damaged(
                            fmt::format("its description lists more than {} disks", kMaxDisks));
                    TRY(add_disk(envelope, node, disks, complaints));
                }
    return disks;
}

std::vector<std::string> names_of(std::string_view href, std::string_view folder)
{
    std::vector<std::string> names;
    if (href.size() > kMaxNameBytes)
        return names;
    for (auto const& name : {std::string(href), percent_decoded(href)})
        if (!leads_out(name) && !name.empty()) {
            names.push_back(tar::plain_name(fmt::format("{}/{}", folder, name)));
            names.push_back(tar::plain_name(name));
        }
    return names;
}

} // namespace karat::volumes::ovf
