// SPDX-License-Identifier: Apache-2.0
#include "disk_view.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <set>
#include <sys/stat.h>

namespace karat::compute {
namespace {

namespace fs = std::filesystem;

bool is_beside(std::string const& one, std::string const& other)
{
    struct stat first = {};
    struct stat second = {};
    return ::stat(one.c_str(), &first) == 0 && ::stat(other.c_str(), &second) == 0 &&
           first.st_dev == second.st_dev;
}

bool has_links(QemuOptions const& options, std::string const& shared)
{
    return is_beside(options.run_directory, shared);
}

std::string links_of(Folder const& folder, std::string const& shared)
{
    return folder.disks() + shared.substr(shared.rfind('/'));
}

/// The second name of a file; empty when it has none.
std::string link_of(Host const& host, Folder const& folder, std::string const& path)
{
    for (auto const& shared : host.options.disk_folders)
        if (path.starts_with(shared + '/') && has_links(host.options, shared))
            return links_of(folder, shared) + path.substr(shared.size());
    return "";
}

Result<void> failed(std::string_view doing, std::string const& path, std::error_code code)
{
    return fail(Fault::io, fmt::format("Cannot {} {}: {}", doing, path, code.message()));
}

/// Files' paths and exports' addresses: all that QEMU has open.
Result<std::set<std::string>> open_files(Qmp& qmp)
{
    std::set<std::string> open;
    auto const nodes = TRY(qmp.run("query-named-block-nodes", {{"flat", true}}));
    for (Json const& node : nodes)
        open.insert(node.value("file", ""));
    return open;
}

std::string grants_of(Host const& host, std::optional<unsigned> user)
{
    if (host.options.grants.empty() || !user)
        return "";
    return host.options.grants + '/' + std::to_string(*user);
}

Result<void> revoke_unused(Files& files, std::string const& grants,
                           std::set<std::string> const& open)
{
    auto const names = files.list(grants);
    if (!names.ok()) // none was granted
        return {};
    for (auto const& name : names.value()) {
        bool const used = std::ranges::any_of(
            open, [&](auto const& one) { return one.find(name) != std::string::npos; });
        if (!used)
            TRY(files.remove(grants + '/' + name));
    }
    return {};
}

Result<void> hide_unused(std::string const& links, std::string const& shared,
                         std::set<std::string> const& open)
{
    std::error_code code;
    for (fs::recursive_directory_iterator entry(links, code); !code && entry != fs::end(entry);
         entry.increment(code)) {
        auto const path = entry->path().string();
        if (!entry->is_directory(code) && !open.contains(shared + path.substr(links.size())))
            fs::remove(path, code);
    }
    return code ? failed("look through", links, code) : Result<void>();
}

} // namespace

std::vector<std::string> shown_whole(QemuOptions const& options)
{
    std::vector<std::string> whole;
    std::ranges::copy_if(options.disk_folders, std::back_inserter(whole),
                         [&](auto const& shared) { return !has_links(options, shared); });
    return whole;
}

Result<std::vector<confine::Mount>> disk_mounts(Host const& host, Folder const& folder,
                                                std::optional<unsigned> user)
{
    std::vector<confine::Mount> mounts;
    for (auto const& shared : host.options.disk_folders) {
        bool const links = has_links(host.options, shared);
        if (links) {
            TRY(host.env.files.make_dirs(links_of(folder, shared)));
            TRY(confine::share(links_of(folder, shared), user, confine::Share::enter));
        }
        mounts.push_back({links ? links_of(folder, shared) : shared, shared});
    }
    return mounts;
}

Result<void> show_disk(Host const& host, Folder const& folder, std::string const& path,
                       std::optional<unsigned> user)
{
    auto const link = link_of(host, folder, path);
    std::error_code code;
    if (link.empty() || fs::equivalent(link, path, code))
        return {};
    auto const place = fs::path(link).parent_path().string();
    TRY(host.env.files.make_dirs(place));
    TRY(confine::share(place, user, confine::Share::enter));
    TRY(host.env.files.remove(link)); // to a file that has given way to another since
    fs::create_hard_link(path, link, code);
    return code ? failed("show the guest's process", path, code) : Result<void>();
}

Result<void> grant_export(Host const& host, std::string const& name, std::optional<unsigned> user)
{
    auto const grants = grants_of(host, user);
    if (grants.empty())
        return {};
    TRY(host.env.files.make_dirs(grants));
    TRY(host.env.files.open(grants + '/' + name, Access::create));
    return {};
}

Result<void> hide_unused_disks(Host const& host, Folder const& folder, Qmp& qmp,
                               std::optional<unsigned> user)
{
    auto const open = TRY(open_files(qmp));
    for (auto const& shared : host.options.disk_folders)
        if (auto const links = links_of(folder, shared); TRY(host.env.files.exists(links)))
            TRY(hide_unused(links, shared, open));
    auto const grants = grants_of(host, user);
    return grants.empty() ? Result<void>() : revoke_unused(host.env.files, grants, open);
}

Result<void> hide_disks(Host const& host, Folder const& folder, std::optional<unsigned> user)
{
    for (auto const& gone : {folder.disks(), grants_of(host, user)}) {
        std::error_code code;
        fs::remove_all(gone, code);
        if (code)
            return failed("remove", gone, code);
    }
    return {};
}

} // namespace karat::compute
