// SPDX-License-Identifier: Apache-2.0
// What changes the store must not let an exception out: where memory runs out in the middle of a
// change, the process ends (decision 016). A changing member of a door that is not named here, or
// has lost its noexcept, stops the build.
#include "ingest.hpp"
#include "staging.hpp"
#include "store.hpp"

#include <gtest/gtest.h>
#include <set>

namespace karat::blocks {
namespace {

template <class... Arguments>
struct Called {
    template <class Object, class Returned>
    static constexpr bool ends_the_process(Returned (Object::*)(Arguments...) noexcept)
    {
        return true;
    }
    template <class Object, class Returned>
    static constexpr bool ends_the_process(Returned (Object::*)(Arguments...))
    {
        return false;
    }
};

static_assert(Called<Facts, std::optional<std::string>>::ends_the_process(&PackStore::begin));
static_assert(Called<std::string const&>::ends_the_process(&PackStore::remove));
static_assert(Called<std::span<std::string const>>::ends_the_process(&PackStore::collect));
static_assert(Called<>::ends_the_process(&PackStore::clear_alarm));

static_assert(
    Called<std::uint64_t, std::span<std::byte const>>::ends_the_process(&SnapshotIngest::write));
static_assert(Called<Range>::ends_the_process(&SnapshotIngest::zero));
static_assert(Called<>::ends_the_process(&SnapshotIngest::commit));

static_assert(Called<StagedUnit const&>::ends_the_process(&StagedFile::put));
static_assert(Called<>::ends_the_process(&StagedFile::seal));
static_assert(Called<>::ends_the_process(&StagedFile::unseal));
static_assert(Called<Facts>::ends_the_process(&StagedFile::commit));
static_assert(Called<Facts, std::optional<std::string>>::ends_the_process(&StagingArea::begin));
static_assert(Called<std::string const&>::ends_the_process(&StagingArea::drop));

/// Every member of the doors, by what it does. Whoever adds one decides here.
constexpr char const* kChanging[] = {"begin",  "remove", "collect", "clear_alarm", "write", "zero",
                                     "commit", "put",    "seal",    "unseal",      "drop"};
constexpr char const* kReading[] = {
    "view",       "describe",  "names",          "stats",    "is_short_of_room",
    "check",      "scrub",     "staged",         "facts",    "root",
    "read",       "next_data", "piece_at",       "last_put", "find",
    "size_bytes", "encrypted", "full_size_bytes"};

/// The virtual functions that a door's text declares.
std::set<std::string> members_of(std::string const& path)
{
    auto const bytes = read_file(posix_env().files, path, 1 << 20);
    EXPECT_TRUE(bytes.ok()) << path;
    std::set<std::string> names;
    std::string const text(as_text(bytes.value()));
    for (auto at = text.find("virtual "); at != std::string::npos;
         at = text.find("virtual ", at + 1)) {
        auto const open = text.find('(', at);
        auto const begin = text.find_last_of(" \n", open) + 1;
        auto const name = text.substr(begin, open - begin);
        if (name.front() != '~')
            names.insert(name);
    }
    return names;
}

TEST(Noexcept, EveryMemberOfTheDoorsIsSortedHere)
{
    std::set<std::string> sorted(std::begin(kChanging), std::end(kChanging));
    sorted.insert(std::begin(kReading), std::end(kReading));
    for (auto const* const door : {"blocks.hpp", "staged.hpp"})
        for (auto const& name :
             members_of(std::string(KARAT_SOURCE_DIR "/src/blocks/include/karat/") + door))
            EXPECT_TRUE(sorted.contains(name)) << door << ": " << name;
}

} // namespace
} // namespace karat::blocks
