// SPDX-License-Identifier: Apache-2.0
#include "source_tree.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

namespace karat::testing {
namespace fs = std::filesystem;
namespace {

fs::path const kRepository = KARAT_SOURCE_DIR;
constexpr char const* kSourceFolders[] = {"src", "tests", "fuzz", "tools"};

std::vector<std::string> split_lines(std::string const& text)
{
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    return lines;
}

std::vector<SourceFile> read_sources()
{
    std::vector<SourceFile> found;
    for (auto const* const folder : kSourceFolders) {
        if (!fs::exists(kRepository / folder))
            continue;
        for (auto const& entry : fs::recursive_directory_iterator(kRepository / folder)) {
            auto const kind = entry.path().extension();
            if (!entry.is_regular_file() || (kind != ".cpp" && kind != ".hpp" && kind != ".py"))
                continue;
            auto path = fs::relative(entry.path(), kRepository).generic_string();
            auto text = read_repository_file(path);
            auto lines = split_lines(text);
            found.push_back({std::move(path), std::move(text), std::move(lines)});
        }
    }
    std::sort(found.begin(), found.end(),
              [](SourceFile const& a, SourceFile const& b) { return a.path < b.path; });
    return found;
}

} // namespace

std::string SourceFile::room() const
{
    if (!path.starts_with("src/"))
        return {};
    return path.substr(4, path.find('/', 4) - 4);
}

std::string read_repository_file(std::string const& path)
{
    std::ifstream const file(kRepository / path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

bool repository_has(std::string const& path) { return fs::exists(kRepository / path); }

std::vector<SourceFile> const& sources()
{
    static std::vector<SourceFile> const all = read_sources();
    return all;
}

std::set<std::string> room_folders()
{
    std::set<std::string> names;
    for (auto const& entry : fs::directory_iterator(kRepository / "src"))
        if (entry.is_directory())
            names.insert(entry.path().filename().string());
    return names;
}

std::vector<Room> declared_rooms()
{
    std::vector<Room> rooms;
    static std::regex const line_shape(R"(karat_room\((\w+)(?:\s+USES((?:\s+\w+)*))?\s*\))");
    for (auto const& line : split_lines(read_repository_file("CMakeLists.txt"))) {
        std::smatch match;
        if (!std::regex_match(line, match, line_shape))
            continue;
        Room room{.name = match[1], .uses = {}};
        std::istringstream words(match[2]);
        for (std::string word; words >> word;)
            room.uses.insert(word);
        rooms.push_back(std::move(room));
    }
    return rooms;
}

std::map<std::string, std::string> doors()
{
    std::map<std::string, std::string> found;
    for (auto const& file : sources()) {
        auto const prefix = "src/" + file.room() + "/include/";
        if (!file.room().empty() && file.path.starts_with(prefix))
            found[file.path.substr(prefix.size())] = file.room();
    }
    return found;
}

std::vector<FunctionSize> functions(SourceFile const& file)
{
    std::vector<FunctionSize> found;
    for (std::size_t at = 1; at < file.lines.size(); ++at) {
        auto const& line = file.lines[at];
        auto const indent = line.find_first_not_of(' ');
        if (indent == std::string::npos || line.substr(indent) != "{")
            continue;
        auto const closing = line.substr(0, indent) + "}";
        auto const end =
            std::find_if(file.lines.begin() + static_cast<std::ptrdiff_t>(at), file.lines.end(),
                         [&](std::string const& one) { return one.starts_with(closing); });
        auto const length = static_cast<std::size_t>(end - file.lines.begin()) - at + 1;
        found.push_back({at, length, file.lines[at - 1]});
    }
    return found;
}

} // namespace karat::testing
