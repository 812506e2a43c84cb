// SPDX-License-Identifier: Apache-2.0
// The rules of the house that no compiler checks. Reads the source tree; runs in milliseconds. When
// review says a thing twice, it becomes a row here. Exceptions have a reason and may only shrink:
// one that is no longer needed fails the test too.
#include "source_tree.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <span>
#include <sstream>

namespace karat::testing {
namespace {

constexpr std::size_t kMaxColumns = 100;
constexpr std::size_t kMaxFileLines = 500;
constexpr std::size_t kMaxFunctionLines = 60;
constexpr std::string_view kThisFile = "tests/house_rules_test.cpp";

/// A path prefix where a banned word is in its place, and why.
struct Allowed {
    std::string_view prefix;
    std::string_view reason;
};

struct Ban {
    std::string_view word;
    std::string_view instead;
    std::vector<Allowed> allowed;
    bool whole_word = false; ///< Not when a letter, digit or underscore stands before it.
};

std::vector<Allowed> const kWireWords = {
    {"src/api/", "the one room that speaks AWS"},
    {"src/wire/", "the protocols themselves"},
    {"src/cli/", "a client of the protocols"},
    {"tests/", "tests speak as callers do"},
    {"fuzz/", "strangers' bytes"},
    {"tools/", "makes the wire room"},
};

std::vector<Ban> const kBans = {
    {"system_clock::now",
     "the Clock of Env, so that tests can move time",
     {{"src/base/posix_env.cpp", "the production clock"}}},
    {"steady_clock::now",
     "Clock::steady()",
     {{"src/base/posix_env.cpp", "the production clock"},
      {"src/compute/supervisor.cpp", "deadlines of a condition variable, which knows no Env"}}},
    {"std::cout", "a returned string, or log()", {}},
    {"std::cerr", "log()", {}},
    {"std::endl", "'\\n'", {}},
    {"std::views::", "std::ranges:: algorithms: clang 14 cannot read the views", {}},
    {"thread_local", "a member of what the thread works on", {}},
    {"reinterpret_cast",
     "as_bytes(), as_text(), std::bit_cast or memcpy",
     {{"src/base/fd.cpp", "the sockets API asks for sockaddr"}}},
    {"shared_ptr",
     "one owner (unique_ptr, a member) and references",
     {{"src/base/memory_env.cpp", "open files outlive their names, as inodes do"},
      {"src/base/memory_nodes.hpp", "open files outlive their names, as inodes do"},
      {"src/blk/", "the clients of a snapshot and its background work share its file"},
      {"src/base/include/karat/memory_env.hpp", "open files outlive the disk object"},
      {"tests/store/", "the door of blocks hands out its views so"},
      {"src/engine/direct_read.cpp", "the blocks door hands out its views so"},
      {"src/engine/state.hpp", "the blocks door hands out its views so"},
      {"src/blocks/", "a view keeps packs readable that the store has dropped"},
      {"src/catalog/", "readers hold the records that they were given"},
      {"src/volumes/testing/fake_store.hpp", "implements the door of blocks"}}},
    {"actor(caller",
     "change_for(), which keeps nothing of a dry run",
     {{"src/engine/state.hpp", "it is change_for()"}}},
    {"detach(", "std::jthread, joined by its owner", {}, true},
    {"<nlohmann/json.hpp>",
     "karat/json.hpp, which can be destroyed without memory",
     {{"src/base/include/karat/json.hpp", "adds to it"}}},
    {"umask(",
     "a mode where the file is made: the mask is every thread's",
     {{"src/confine/main.cpp", "one thread, which becomes another program"}},
     true},
    {"#include \"../", "the room's own headers by name, others by their door", {}},
    {"NOCOMMIT", "finish it", {}},
    {"assert(", "VERIFY: it stays on in release", {}, true},
    {"\"Content-Type", "a word of the wire: api/ and wire/ know it", kWireWords},
    {"\"InvalidAMIID", "Fault and Noun; api/faults.cpp has the codes", kWireWords},
    {"\"InvalidParameter", "Fault and Noun; api/faults.cpp has the codes", kWireWords},
    {"\"UnauthorizedOperation", "Fault::denied", kWireWords},
    {"\"DryRunOperation", "Fault::dry_run", kWireWords},
    {"\"IncorrectState", "Fault::wrong_state", kWireWords},
    {".NotFound\"", "Fault::not_found", kWireWords},
    {".Malformed\"", "Fault::invalid", kWireWords},
};

/// What is longer than the house likes, and by how much. Take out what was cut; add nothing.
struct TooLong {
    std::string_view where; ///< A path, or a path and the line before a function's brace.
    std::size_t lines;
    std::string_view reason;
};
constexpr TooLong kLongFunctions[] = {
    {"src/model/ids.cpp: char const* name(Noun noun)", 95, "a case a noun"},
};
/// Lines that are too wide, by path; how many.
constexpr TooLong kWideLines[] = {
    {"src/wire/include/karat/wire/errors.hpp", 1, "to be formatted"},
};

TooLong const* find_exception(std::span<TooLong const> list, std::string_view where)
{
    auto const found =
        std::ranges::find_if(list, [&](TooLong const& one) { return one.where == where; });
    return found == list.end() ? nullptr : &*found;
}

bool is_word_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool contains(std::string const& line, Ban const& ban)
{
    for (auto at = line.find(ban.word); at != std::string::npos; at = line.find(ban.word, at + 1))
        if (!ban.whole_word || at == 0 || !is_word_character(line[at - 1]))
            return true;
    return false;
}

bool is_allowed(Ban const& ban, std::string const& path)
{
    return std::ranges::any_of(ban.allowed,
                               [&](Allowed const& one) { return path.starts_with(one.prefix); });
}

/// Columns as people count them: UTF-8 bytes that continue a character do not count.
std::size_t columns(std::string const& line)
{
    return static_cast<std::size_t>(std::ranges::count_if(
        line, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string join(std::set<std::string> const& names)
{
    std::string text;
    for (auto const& name : names)
        text += (text.empty() ? "" : " ") + name;
    return text;
}

TEST(HouseRules, FindsTheSources)
{
    EXPECT_GT(sources().size(), 100U);
    EXPECT_GT(doors().size(), 10U);
}

TEST(HouseRules, BannedWords)
{
    for (auto const& file : sources()) {
        if (!file.is_cpp() || file.path == kThisFile)
            continue;
        for (auto const& ban : kBans) {
            if (is_allowed(ban, file.path) || file.text.find(ban.word) == std::string::npos)
                continue;
            for (std::size_t i = 0; i < file.lines.size(); ++i)
                EXPECT_FALSE(contains(file.lines[i], ban))
                    << file.path << ":" << i + 1 << ": instead of " << ban.word << " use "
                    << ban.instead;
        }
    }
}

/// An error that a task met may quote paths of this host, programs' logs and our own sources. What
/// goes into a thing that callers see is message_for_caller()'s.
TEST(HouseRules, TasksTellCallersThroughOneFunction)
{
    constexpr std::string_view kExempt[] = {
        "src/engine/checks.cpp", // message_for_caller() itself
        "src/engine/steps.cpp",  // the outcome of a task, which operators read
        "src/engine/worker.cpp", // the same
    };
    for (auto const& file : sources()) {
        if (!file.is_cpp() || !file.path.starts_with("src/engine/") ||
            std::ranges::find(kExempt, file.path) != std::end(kExempt))
            continue;
        for (std::size_t i = 0; i < file.lines.size(); ++i)
            EXPECT_EQ(file.lines[i].find(" error.message"), std::string::npos)
                << file.path << ":" << i + 1 << ": use message_for_caller(error)";
    }
}

/// An exception that leaves a thread ends the process. karat::Thread holds the barrier, and
/// run_program() that of a main thread.
TEST(HouseRules, ThreadsAndProgramsHaveABarrier)
{
    for (auto const& file : sources()) {
        if (!file.is_cpp() || !file.path.starts_with("src/") || file.path.ends_with("_test.cpp"))
            continue;
        bool const begins =
            file.text.find("\nint main(int argc, char** argv)") != std::string::npos;
        EXPECT_EQ(begins, file.text.find("run_program(\"") != std::string::npos) << file.path;
        if (file.path.starts_with("src/base/"))
            continue; // karat::Thread itself
        for (auto const* const word : {"std::jthread", "std::thread(", "std::thread{", "std::async",
                                       "std::vector<std::thread>", "pthread_create"})
            EXPECT_EQ(file.text.find(word), std::string::npos)
                << file.path << ": instead of " << word << " use karat::Thread";
    }
}

TEST(HouseRules, EverySourceNamesItsLicence)
{
    for (auto const& file : sources()) {
        if (file.lines.empty())
            continue; // __init__.py
        bool const named =
            file.lines[0].find("SPDX-License-Identifier: Apache-2.0") != std::string::npos ||
            (file.lines.size() > 1 &&
             file.lines[1].find("SPDX-License-Identifier: Apache-2.0") != std::string::npos);
        EXPECT_TRUE(named) << file.path << " does not begin with its SPDX line";
    }
}

TEST(HouseRules, LinesFitAScreen)
{
    for (auto const& file : sources()) {
        if (!file.is_cpp())
            continue;
        std::string where;
        std::size_t wide = 0;
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            if (columns(file.lines[i]) <= kMaxColumns)
                continue;
            ++wide;
            where += " " + std::to_string(i + 1);
        }
        auto const* const exception = find_exception(kWideLines, file.path);
        EXPECT_EQ(wide, exception == nullptr ? 0 : exception->lines)
            << file.path << " has lines of more than " << kMaxColumns << " columns:" << where
            << " (or fewer than kWideLines says: take it out)";
    }
}

TEST(HouseRules, FilesAndFunctionsStaySmall)
{
    std::set<std::string> needed;
    for (auto const& file : sources()) {
        if (!file.is_cpp())
            continue;
        EXPECT_LE(file.lines.size(), kMaxFileLines) << file.path << " wants to be two files";
        for (auto const& function : functions(file)) {
            if (function.lines <= kMaxFunctionLines)
                continue;
            auto const where = file.path + ": " + function.head;
            auto const* const exception = find_exception(kLongFunctions, where);
            needed.insert(where);
            EXPECT_LE(function.lines, exception == nullptr ? kMaxFunctionLines : exception->lines)
                << file.path << ":" << function.line << ": cut " << function.head;
        }
    }
    for (auto const& exception : kLongFunctions)
        EXPECT_TRUE(needed.contains(std::string(exception.where)))
            << "no longer needed in kLongFunctions: " << exception.where;
}

TEST(HouseRules, RoomsUseOnlyTheDoorsTheyDeclare)
{
    std::map<std::string, std::set<std::string>> uses;
    for (auto const& room : declared_rooms())
        uses[room.name] = room.uses;
    auto const all_doors = doors();
    for (auto const& file : sources()) {
        auto const room = file.room();
        if (!file.is_cpp() || room.empty() || !uses.contains(room))
            continue;
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            constexpr std::string_view kInclude = "#include \"karat/";
            auto const& line = file.lines[i];
            if (!line.starts_with(kInclude))
                continue;
            auto const door = line.substr(10, line.rfind('"') - 10);
            auto const owner = all_doors.find(door);
            auto const name = owner != all_doors.end()          ? owner->second
                              : door.starts_with("karat/wire/") ? "wire" // generated
                                                                : "?";
            EXPECT_TRUE(name == room || uses[room].contains(name))
                << file.path << ":" << i + 1 << ": room '" << room << "' does not declare USES "
                << name << " (" << door << ")";
        }
    }
}

/// Folders of src/ that are no karat_room: a program made of rooms has only a room.cmake.
std::set<std::string> program_folders()
{
    std::set<std::string> names;
    for (auto const& folder : room_folders()) {
        auto const rooms = declared_rooms();
        bool const is_room =
            std::ranges::any_of(rooms, [&](Room const& room) { return room.name == folder; });
        if (!is_room && repository_has("src/" + folder + "/room.cmake"))
            names.insert(folder);
    }
    return names;
}

std::set<std::string> rooms_and_programs()
{
    auto names = program_folders();
    for (auto const& room : declared_rooms())
        names.insert(room.name);
    return names;
}

TEST(HouseRules, RoomsAreTheFoldersOfTheSource)
{
    EXPECT_EQ(join(rooms_and_programs()), join(room_folders()));
}

TEST(HouseRules, EveryRoomSaysWhatItIs)
{
    for (auto const& room : rooms_and_programs())
        EXPECT_TRUE(repository_has("src/" + room + "/README.md"))
            << "src/" << room << "/README.md is missing: what belongs there, what does not";
}

/// The rooms of ARCHITECTURE.md: the first word of each row or item below a heading that names
/// rooms, if it is set as code.
std::set<std::string> rooms_on_the_map()
{
    std::set<std::string> names;
    std::istringstream text(read_repository_file("ARCHITECTURE.md"));
    bool inside = false;
    for (std::string line; std::getline(text, line);) {
        if (line.starts_with("#")) {
            inside = line.find("ooms") != std::string::npos;
            continue;
        }
        auto const tick = line.find('`');
        if (!inside || tick == std::string::npos || tick > 6 || line.empty() ||
            (line[0] != '|' && line[0] != '-' && line[0] != '*'))
            continue;
        auto name = line.substr(tick + 1, line.find('`', tick + 1) - tick - 1);
        if (name.starts_with("src/"))
            name.erase(0, 4);
        if (name.ends_with("/"))
            name.pop_back();
        names.insert(name);
    }
    return names;
}

TEST(HouseRules, TheMapIsTrue)
{
    if (!repository_has("ARCHITECTURE.md"))
        GTEST_SKIP() << "ARCHITECTURE.md is not written yet";
    EXPECT_EQ(join(rooms_on_the_map()), join(rooms_and_programs()))
        << "the rooms of ARCHITECTURE.md and those of CMakeLists.txt differ";
}

} // namespace
} // namespace karat::testing
