// SPDX-License-Identifier: Apache-2.0
#include "peers.hpp"

#include <array>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace karat::blk {
namespace {

TEST(Peers, EachProcessHasItsOwnShare)
{
    Peers peers;
    for (int i = 0; i < kMaxConnections; ++i)
        ASSERT_TRUE(peers.enter(7));
    EXPECT_FALSE(peers.enter(7));
    EXPECT_TRUE(peers.enter(8)) << "others are not hurt";
    peers.leave(7);
    EXPECT_TRUE(peers.enter(7));
    EXPECT_FALSE(peers.enter(7));
    for (int i = 0; i < 2 * kMaxConnections; ++i)
        EXPECT_TRUE(peers.enter(0)) << "of another namespace: not to be told apart";
    peers.leave(0);
    peers.leave(9);
}

TEST(Peers, CuttingOffEndsTheirConnectionsOnly)
{
    std::array<int, 2> pair{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
    char byte = 0;
    cut_off(::getpid() + 1);
    EXPECT_EQ(::send(pair[0], &byte, 1, MSG_NOSIGNAL), 1);
    cut_off(::getpid());
    EXPECT_EQ(::send(pair[0], &byte, 1, MSG_NOSIGNAL), -1);
    ::close(pair[0]);
    ::close(pair[1]);
}

} // namespace
} // namespace karat::blk
