// SPDX-License-Identifier: Apache-2.0
#include "users.hpp"

#include <charconv>
#include <fmt/format.h>
#include <optional>

namespace karat::compute {
namespace {

constexpr unsigned kFirst = 2; // after karat-blk and the readers
constexpr unsigned kLastPlace = (confine::kUsers - kFirst) / 2 - 1;
constexpr unsigned kPlaces = kLastPlace; // the last one is the probe's
constexpr std::size_t kMaxBytes = 16;

std::optional<unsigned> read_place(Files& files, Folder const& folder)
{
    auto const bytes = read_file(files, folder.users(), kMaxBytes);
    if (!bytes.ok())
        return std::nullopt;
    auto const text = as_text(bytes.value());
    unsigned place = kPlaces;
    std::from_chars(text.data(), text.data() + text.size(), place);
    return place < kPlaces ? std::optional(place) : std::nullopt;
}

} // namespace

Users::Users(Files& files, std::string run_directory)
    : files_(files)
    , run_directory_(std::move(run_directory))
{
    auto const names = files_.list(run_directory_);
    if (!names.ok())
        return;
    Lock const lock(mutex_);
    for (auto const& name : names.value())
        if (auto const id = InstanceId::parse(name); id.ok())
            if (auto const place = read_place(files_, {run_directory_, id.value()}))
                taken_.emplace(*place, id.value());
}

Result<unsigned> Users::place_of(InstanceId const& id)
{
    for (auto const& [place, owner] : taken_)
        if (owner == id)
            return place;
    unsigned place = 0;
    for (auto const& [taken, owner] : taken_) {
        if (taken != place)
            break;
        ++place;
    }
    if (place >= kPlaces)
        return fail(Fault::exhausted, "All user ids for guests are taken");
    Folder const folder(run_directory_, id);
    TRY(files_.make_dirs(folder.path));
    TRY(publish_file(files_, folder.users(), as_bytes(fmt::format("{}\n", place))));
    taken_.emplace(place, id);
    return place;
}

Result<UserIndices> Users::of(InstanceId const& id)
{
    Lock const lock(mutex_);
    auto const place = TRY(place_of(id));
    return UserIndices{kFirst + 2 * place, kFirst + 2 * place + 1};
}

void Users::forget(InstanceId const& id)
{
    Lock const lock(mutex_);
    std::erase_if(taken_, [&](auto const& one) { return one.second == id; });
}

} // namespace karat::compute
