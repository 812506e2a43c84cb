// SPDX-License-Identifier: Apache-2.0
#include "http.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace karat::api {
namespace {

TEST(Http, AUnixSocketIsForItsOwnerOnly)
{
    auto const path = std::filesystem::path(::testing::TempDir()) / "karat-http-test.sock";
    auto const server = HttpServer::create(1);
    ASSERT_TRUE(server->listen_unix(path, {}, "test").ok());
    struct stat facts = {};
    ASSERT_EQ(::stat(path.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0600U);
}

} // namespace
} // namespace karat::api
