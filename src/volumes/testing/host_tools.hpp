// SPDX-License-Identifier: Apache-2.0
// What the slow tests share: a folder on the real disk, and the tools of QEMU and nbdkit.
#pragma once

#include "karat/env.hpp"

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

namespace karat::volumes::testing {

/// A new folder under the temporary directory, removed with all that is in it.
class Folder {
public:
    Folder()
    {
        auto pattern = (std::filesystem::temp_directory_path() / "karat-volumes-XXXXXX").string();
        VERIFY(::mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
    }
    Folder(Folder const&) = delete;
    Folder& operator=(Folder const&) = delete;
    ~Folder()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::string operator/(std::string_view name) const { return fmt::format("{}/{}", path_, name); }
    std::string const& path() const { return path_; }

private:
    std::string path_;
};

struct Ran {
    int status;
    std::string output;
};

/// Runs a shell command; its output and error output together.
inline Ran run(std::string const& command)
{
    std::string output;
    std::FILE* const pipe = ::popen((command + " 2>&1").c_str(), "r");
    VERIFY(pipe != nullptr);
    char piece[4096];
    while (auto const got = std::fread(piece, 1, sizeof piece, pipe))
        output.append(piece, got);
    auto const status = ::pclose(pipe);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
}

inline bool has_tool(std::string const& name) { return run("command -v " + name).status == 0; }

} // namespace karat::volumes::testing

/// Skips a test, and says so, where a tool of Debian is missing.
#define KARAT_REQUIRE(tool, package)                                                               \
    if (!::karat::volumes::testing::has_tool(tool))                                                \
    GTEST_SKIP() << "SKIPPED: " tool " is missing; run 'apt-get install " package "'"
