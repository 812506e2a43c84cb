// SPDX-License-Identifier: Apache-2.0
#include "golden.hpp"

#include "source_tree.hpp"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>

namespace karat::testing {

bool blessing()
{
    auto const* const value = std::getenv("KARAT_BLESS");
    return value != nullptr && std::string(value) == "1";
}

void write_repository_file(std::string const& path, std::string const& text)
{
    std::ofstream file(std::string(KARAT_SOURCE_DIR) + "/" + path);
    file << text;
    ASSERT_TRUE(file.flush()) << "cannot write " << path;
}

void expect_golden(std::string const& name, std::string const& text)
{
    auto const path = "tests/golden/" + name;
    if (blessing())
        return write_repository_file(path, text);
    EXPECT_EQ(text, read_repository_file(path))
        << "If the change is meant, run it with KARAT_BLESS=1 and commit " << path;
}

} // namespace karat::testing
