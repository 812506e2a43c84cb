// SPDX-License-Identifier: Apache-2.0
// The newest serial output of a machine in a file of fixed size. One process appends, any may read
// at the same time, also after the writer and the machine are gone.
//
//   offset 0   8 bytes   "KaratCon"
//   offset 8   8 bytes   bytes ever appended, little-endian
//   offset 16  131072    byte number n is at 16 + n mod 131072
#pragma once

#include "karat/env.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace karat::net {

/// What read_console() can give at most. Half of the ring, so that a reader need not stop the
/// writer: what it copies is not overwritten before another half has been appended.
inline constexpr std::size_t kConsoleBytes = 64 * 1024;

/// Not for several threads or processes at once.
class ConsoleRing {
public:
    /// Goes on with an existing ring (a restarted machine), or makes one.
    static Result<ConsoleRing> open(Files& files, std::string const& path);
    Result<void> append(std::string_view text);

private:
    ConsoleRing(std::unique_ptr<File> file, std::uint64_t total)
        : file_(std::move(file))
        , total_(total)
    {
    }
    std::unique_ptr<File> file_;
    std::uint64_t total_;
};

/// The newest `limit_bytes` (kConsoleBytes at most); empty when there is no ring.
Result<std::string> read_console(Files& files, std::string const& path, std::size_t limit_bytes);

} // namespace karat::net
