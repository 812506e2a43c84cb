// SPDX-License-Identifier: Apache-2.0
// Reads OVA files of strangers: a tar of a description (OVF) first and one VMDK disk, which is read
// in its place. Nothing is unpacked to a file, and no name in the archive is ever opened.
#include "formats/formats.hpp"
#include "formats/tar.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::volumes {
namespace {

constexpr std::uint64_t kMaxOvfBytes = 1 << 20;

/// A part of a file, as a file of its own. Reading only.
class Slice final : public File {
public:
    Slice(std::unique_ptr<File> whole, Range place)
        : whole_(std::move(whole))
        , place_(place)
    {
    }
    Result<std::size_t> read_at(std::uint64_t offset_bytes, std::span<std::byte> into) override
    {
        auto const left = place_.length_bytes - std::min(place_.length_bytes, offset_bytes);
        auto const length = std::min<std::uint64_t>(into.size(), left);
        return whole_->read_at(place_.offset_bytes + offset_bytes, into.first(length));
    }
    Result<void> write_at(std::uint64_t, std::span<std::byte const>) override { return refused(); }
    Result<void> sync_data() override { return refused(); }
    Result<std::uint64_t> size_bytes() override { return place_.length_bytes; }
    Result<void> truncate(std::uint64_t) override { return refused(); }
    Result<std::optional<Range>> next_data(std::uint64_t offset_bytes) override
    {
        if (offset_bytes >= place_.length_bytes)
            return std::optional<Range>();
        auto const found = TRY(whole_->next_data(place_.offset_bytes + offset_bytes));
        if (!found || found->offset_bytes >= place_.end_bytes())
            return std::optional<Range>();
        auto const end = std::min(found->end_bytes(), place_.end_bytes());
        return std::optional(
            Range{found->offset_bytes - place_.offset_bytes, end - found->offset_bytes});
    }
    Result<void> punch_hole(Range) override { return refused(); }

private:
    static Error refused() { return fail(Fault::io, "A part of an archive is only read"); }

    std::unique_ptr<File> whole_;
    Range place_;
};

std::string_view suffix_of(std::string const& name)
{
    auto const dot = name.rfind('.');
    return dot == std::string::npos ? std::string_view() : std::string_view(name).substr(dot);
}

/// The one member that is a disk.
Result<tar::Member> find_disk(std::vector<tar::Member> const& members, Complaints const& complaints)
{
    std::optional<tar::Member> disk;
    for (auto const& member : members) {
        auto const suffix = suffix_of(member.name);
        if (suffix == ".ovf" || suffix == ".mf" || suffix == ".cert")
            continue;
        if (suffix != ".vmdk")
            return complaints.unsupported(
                fmt::format("holds '{}' beside its description, not a VMDK disk", member.name));
        if (disk)
            return complaints.unsupported("holds more than one disk");
        disk = member;
    }
    if (!disk)
        return complaints.unsupported("holds no disk");
    return *disk;
}

/// The description is first, and speaks of the disk. What else it wishes for is not ours to give.
Result<void> check_description(File& file, std::vector<tar::Member> const& members,
                               std::string const& disk_name, Complaints const& complaints)
{
    if (members.empty() || suffix_of(members.front().name) != ".ovf")
        return complaints.damaged("it does not begin with its description (OVF)");
    auto const place = members.front().data;
    if (place.length_bytes > kMaxOvfBytes)
        return complaints.unsupported("has a description of more than 1 MiB");
    Bytes bytes(place.length_bytes);
    TRY(read_exactly(file, place.offset_bytes, bytes));
    if (as_text(bytes).find(fmt::format("\"{}\"", disk_name)) == std::string_view::npos)
        return complaints.damaged(
            fmt::format("its description does not speak of its disk '{}'", disk_name));
    return {};
}

} // namespace

Result<std::unique_ptr<DiskReader>> open_ova(std::unique_ptr<File> file, std::string const& path)
{
    Complaints const complaints(path, Trust::stranger);
    auto const members = TRY(tar::list(*file, complaints));
    auto const disk = TRY(find_disk(members, complaints));
    TRY(check_description(*file, members, disk.name, complaints));
    return open_vmdk(std::make_unique<Slice>(std::move(file), disk.data),
                     fmt::format("{} in {}", disk.name, path));
}

} // namespace karat::volumes
