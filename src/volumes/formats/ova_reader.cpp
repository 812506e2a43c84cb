// SPDX-License-Identifier: Apache-2.0
// Reads OVA files of strangers: a tar of a description (OVF), one disk that it names, and whatever
// else. The disk is read in its place: nothing is unpacked to a file, and no name in the archive
// is ever opened.
#include "formats/formats.hpp"
#include "formats/manifest.hpp"
#include "formats/ovf.hpp"
#include "formats/tar.hpp"

#include "karat/text.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::volumes {
namespace {

using tar::Member;

constexpr std::uint64_t kMaxManifestBytes = 1 << 20;
constexpr std::uint64_t kMaxSummedBytes = std::uint64_t{1} << 40; // of a file with holes

bool has_ending(std::string_view name, std::string_view ending)
{
    return name.size() > ending.size() &&
           equal_in_any_case(name.substr(name.size() - ending.size()), ending);
}

/// Whether a sum over the member would cost far more than what the archive stores.
bool is_mostly_holes(Member const& member)
{
    std::uint64_t stored_bytes = 0;
    for (auto const& extent : member.extents)
        stored_bytes += extent.data.length_bytes;
    return member.size_bytes > kMaxSummedBytes && member.size_bytes / 2 > stored_bytes;
}

/// The disk of an archive, and what the manifest says of its files.
class OvaDisk final : public DiskReader {
public:
    struct Part {
        Member member;
        std::optional<ovf::Sum> sum;
    };

    OvaDisk(std::unique_ptr<File> archive, std::unique_ptr<DiskReader> disk,
            std::vector<Part> parts, Complaints complaints)
        : archive_(std::move(archive))
        , disk_(std::move(disk))
        , parts_(std::move(parts))
        , complaints_(std::move(complaints))
    {
    }

    std::uint64_t size_bytes() const override { return disk_->size_bytes(); }
    Result<Stretch> next(std::uint64_t offset_bytes) override { return disk_->next(offset_bytes); }
    Result<void> read(std::uint64_t offset_bytes, std::span<std::byte> into) override
    {
        return disk_->read(offset_bytes, into);
    }
    Result<void> check_sums(std::function<bool()> const& go_on) override
    {
        for (auto const& part : parts_) {
            if (!part.sum)
                continue;
            if (is_mostly_holes(part.member))
                return complaints_.unsupported(
                    fmt::format("has a sum over '{}', which is mostly holes",
                                shown(part.member.name)),
                    "unpack it with tar, and import the disk");
            auto const file = tar::open_members(*archive_, {part.member});
            auto const sum = TRY(ovf::sum_of(*file, part.sum->algorithm, go_on));
            if (sum != part.sum->hex)
                return complaints_.damaged(fmt::format("the {} of '{}' differs from its manifest",
                                                       part.sum->algorithm,
                                                       shown(part.member.name)));
        }
        return {};
    }

private:
    std::unique_ptr<File> archive_; ///< The disk reads from it.
    std::unique_ptr<DiskReader> disk_;
    std::vector<Part> parts_;
    Complaints complaints_;
};

/// What is in an archive, and what is to be found there.
class Ova {
public:
    Ova(std::unique_ptr<File> archive, std::string path)
        : archive_(std::move(archive))
        , path_(std::move(path))
        , complaints_(path_, Trust::stranger, {})
    {
    }

    Result<std::unique_ptr<DiskReader>> open()
    {
        members_ = TRY(tar::list(*archive_, complaints_));
        auto const description = TRY(find_description());
        auto const slash = description.name.rfind('/');
        folder_ = slash == std::string::npos ? "" : description.name.substr(0, slash);
        TRY(read_manifest(description));
        auto const disk = TRY(find_disk(description));
        auto const parts = TRY(parts_of(disk));
        std::vector<Member> members;
        for (auto const& part : parts)
            members.push_back(part.member);
        auto file = tar::open_members(*archive_, members);
        DiskName const name(members.front().stored_name, path_);
        auto const format = TRY(tell_format(*file, name));
        if (format == Format::ova)
            return complaints_.unsupported("holds another archive", unpack(name.path));
        auto reader = TRY(open_disk(std::move(file), name, format));
        return std::unique_ptr<DiskReader>(
            std::make_unique<OvaDisk>(std::move(archive_), std::move(reader), parts, complaints_));
    }

private:
    std::string unpack(std::string_view name) const
    {
        return fmt::format("take its disk out with 'tar -xf {} {}' and import that",
                           shell_word(path_), shell_word(name));
    }

    /// Of an archive that is no OVA: what it may be.
    Error no_description() const
    {
        auto const is_named = [](std::string_view name) {
            return [name](Member const& member) { return member.name == name; };
        };
        if (std::any_of(members_.begin(), members_.end(), is_named("ova.xml")))
            return complaints_.unsupported("is an archive of XenServer (XVA), not an OVA",
                                           "export the machine as OVF/OVA there, and import that");
        if (members_.empty())
            return complaints_.damaged("it is an archive without files");
        auto const largest =
            std::max_element(members_.begin(), members_.end(), [](auto const& a, auto const& b) {
                return a.size_bytes < b.size_bytes;
            });
        return complaints_.unsupported("is an archive without a description (OVF)",
                                       unpack(largest->stored_name));
    }

    Result<Member> find_description() const
    {
        Member const* found = nullptr;
        for (auto const& member : members_)
            if (has_ending(member.name, ".ovf")) {
                if (found != nullptr)
                    return complaints_.unsupported(
                        "holds more than one description (OVF)",
                        fmt::format("unpack it with 'tar -xf {}', and import the disk that you "
                                    "mean",
                                    shell_word(path_)));
                found = &member;
            }
        if (found == nullptr)
            return no_description();
        if (found->size_bytes > ovf::kMaxBytes)
            return complaints_.damaged("its description (OVF) has more than 1 MiB");
        return *found;
    }

    Result<Bytes> bytes_of(Member const& member) const
    {
        auto const file = tar::open_members(*archive_, {member});
        Bytes bytes(member.size_bytes);
        TRY(read_exactly(*file, 0, bytes));
        return bytes;
    }

    /// Takes the manifest, if there is one, and compares the description with it.
    Result<void> read_manifest(Member const& description)
    {
        auto const stem = description.name.substr(0, description.name.size() - 4);
        auto const found =
            std::find_if(members_.begin(), members_.end(), [&](Member const& member) {
                return has_ending(member.name, ".mf") &&
                       member.name.substr(0, member.name.size() - 3) == stem;
            });
        if (found == members_.end() || found->size_bytes > kMaxManifestBytes)
            return {};
        sums_ = ovf::read_manifest(as_text(TRY(bytes_of(*found))));
        auto const sum = sum_of(description);
        if (!sum)
            return {};
        auto const file = tar::open_members(*archive_, {description});
        if (TRY(ovf::sum_of(*file, sum->algorithm, {})) != sum->hex)
            return complaints_.damaged(
                fmt::format("the {} of its description differs from its manifest; whoever changed "
                            "it has to make a new manifest, or leave it out",
                            sum->algorithm));
        return {};
    }

    /// Manifests name files as they are beside them.
    std::optional<ovf::Sum> sum_of(Member const& member) const
    {
        auto name = std::string_view(member.name);
        if (!folder_.empty() && name.starts_with(folder_ + '/'))
            name.remove_prefix(folder_.size() + 1);
        auto const found = sums_.find(name);
        return found == sums_.end() ? std::nullopt : std::optional(found->second);
    }

    Result<ovf::Disk> find_disk(Member const& description)
    {
        auto const bytes = TRY(bytes_of(description));
        auto const disks = TRY(ovf::read_disks(bytes, complaints_));
        if (disks.empty())
            return complaints_.unsupported("describes no disk that is in it",
                                           "export it with its disks, not as a template alone");
        if (disks.size() == 1)
            return disks.front();
        auto const first = TRY(parts_of(disks.front()));
        return complaints_.unsupported(
            fmt::format("holds {} disks, and an image has one", disks.size()),
            fmt::format("take out the one that boots, which is mostly the first, with '{}' and "
                        "import that; the others become volumes the same way",
                        take_out(first)));
    }

    Member const* find_member(std::string_view href, std::string_view suffix) const
    {
        for (auto const& name : ovf::names_of(href, folder_))
            for (auto const& member : members_)
                if (member.name == name + std::string(suffix))
                    return &member;
        return nullptr;
    }

    /// The members that the disk's bytes are in.
    Result<std::vector<OvaDisk::Part>> parts_of(ovf::Disk const& disk) const
    {
        std::vector<OvaDisk::Part> parts;
        std::uint64_t size_bytes = 0;
        auto const add = [&](Member const& member) {
            parts.push_back({member, sum_of(member)});
            size_bytes += member.size_bytes;
        };
        for (std::size_t i = 0; disk.in_chunks && i <= members_.size(); ++i) {
            auto const* const chunk = find_member(disk.href, fmt::format(".{:09}", i));
            if (chunk == nullptr)
                break;
            add(*chunk);
        }
        if (parts.empty()) {
            auto const* const whole = find_member(disk.href, "");
            if (whole == nullptr)
                return missing(disk.href);
            add(*whole);
        } else if (disk.size_bytes > size_bytes) {
            return complaints_.cut_off(
                fmt::format("the last chunks of '{}' lie", shown(disk.href)));
        }
        if (!disk.compression.empty())
            return compressed(disk, parts);
        return parts;
    }

    Error missing(std::string const& href) const
    {
        if (ovf::names_of(href, folder_).empty())
            return complaints_.unsupported(
                fmt::format("has its disk elsewhere, at '{}', and no other file is opened",
                            shown(href)),
                "import that file");
        return complaints_.damaged(
            fmt::format("its description names the disk '{}', which is not in it", shown(href)));
    }

    Error compressed(ovf::Disk const& disk, std::vector<OvaDisk::Part> const& parts) const
    {
        auto const what =
            fmt::format("holds a disk that is compressed by {}", shown(disk.compression));
        if (disk.compression != "gzip")
            return complaints_.unsupported(
                what,
                fmt::format("take it out with 'tar -xf {} {}', decompress it, and import that",
                            shell_word(path_), shell_word(parts.front().member.stored_name)));
        auto plain = parts.front().member.name;
        plain = plain.substr(plain.rfind('/') + 1);
        plain = has_ending(plain, ".gz") ? plain.substr(0, plain.size() - 3) : plain + ".plain";
        return complaints_.unsupported(
            what, fmt::format("take it out with 'tar -xOf {}{} | gzip -dc > {}' and import that",
                              shell_word(path_), words_of(parts), shell_word(plain)));
    }

    static std::string words_of(std::vector<OvaDisk::Part> const& parts)
    {
        std::string words;
        for (auto const& part : parts)
            words += ' ' + shell_word(part.member.stored_name);
        return words;
    }

    /// The command that takes a disk out, its chunks joined.
    std::string take_out(std::vector<OvaDisk::Part> const& parts) const
    {
        if (parts.size() == 1)
            return fmt::format("tar -xf {}{}", shell_word(path_), words_of(parts));
        auto const& first = parts.front().member.name;
        return fmt::format("tar -xOf {}{} > {}", shell_word(path_), words_of(parts),
                           shell_word(first.substr(first.rfind('/') + 1) + ".joined"));
    }

    std::unique_ptr<File> archive_;
    std::string path_;
    Complaints complaints_;
    std::vector<Member> members_;
    std::string folder_; ///< Of the description, in the archive.
    std::map<std::string, ovf::Sum, std::less<>> sums_;
};

} // namespace

Result<std::unique_ptr<DiskReader>> open_ova(std::unique_ptr<File> file, DiskName const& name)
{
    return Ova(std::move(file), name.path).open();
}

} // namespace karat::volumes
