// SPDX-License-Identifier: Apache-2.0
// The source tree as the house rules see it: files with their lines, rooms with what they declare.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace karat::testing {

struct SourceFile {
    std::string path; ///< Relative to the repository, '/' between parts.
    std::string text;
    std::vector<std::string> lines;

    bool is_cpp() const { return path.ends_with(".cpp") || path.ends_with(".hpp"); }
    /// "api" of src/api/…; empty outside src/.
    std::string room() const;
};

/// The file's text, empty if there is none. `path` is relative to the repository.
std::string read_repository_file(std::string const& path);
bool repository_has(std::string const& path);
/// Every C++ and Python source that people write: src, tests, fuzz, tools.
std::vector<SourceFile> const& sources();
/// The folders in src/.
std::set<std::string> room_folders();

/// Rooms in the order of CMakeLists.txt, with what their karat_room line declares.
struct Room {
    std::string name;
    std::set<std::string> uses;
};
std::vector<Room> declared_rooms();

/// Which room each door belongs to: "karat/engine.hpp" -> "engine".
std::map<std::string, std::string> doors();

/// A function's first line (from 1), how many lines its body has, braces included, and the line
/// before the brace, for people. Found by the layout that clang-format gives: a brace alone on its
/// line opens a function.
struct FunctionSize {
    std::size_t line;
    std::size_t lines;
    std::string head;
};
std::vector<FunctionSize> functions(SourceFile const& file);

} // namespace karat::testing
