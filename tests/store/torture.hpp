// SPDX-License-Identifier: Apache-2.0
// The parts of store_torture. Each prints what it saw and says whether all was well.
#pragma once

#include <cstdint>

namespace karat::torture {

/// Until `count` different states that a crash can leave were recovered and found whole.
bool crash_states(std::uint64_t count, std::uint64_t seed);
/// `count` injuries to the bytes of stores: none may make a read answer wrong bytes, and none may
/// go unnoticed unless it harms nothing.
bool corruption(std::uint64_t count, std::uint64_t seed);
/// `count` lives of random commands, crashes among them, against the reference; finds the shortest
/// life that fails.
bool model(std::uint64_t count, std::uint64_t seed);
/// `count` of a life's allocations, or every one, fail in turn, each in a process of its own.
bool allocations(std::uint64_t count, std::uint64_t seed);
/// `count` times kill -9 of a process that writes a store on this machine's files.
bool kills(std::uint64_t count, std::uint64_t seed);

} // namespace karat::torture
