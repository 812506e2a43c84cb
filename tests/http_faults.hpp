// SPDX-License-Identifier: Apache-2.0
// Makes one allocation, or one system call, of the threads that serve fail. Replaces operator new
// and the calls of a socket's life for the whole program.
#pragma once

namespace karat::testing {

/// From now on the calling thread is the one whose calls never fail.
void spare_this_thread();

enum class Failing : unsigned char { allocation, system_call };

/// The n-th from now on fails, once: allocations with std::bad_alloc, a system call with one of the
/// errors that are its own, the `variant`-th of them.
void fail_nth(Failing what, long n, unsigned variant = 0);
/// Ends that. Returns whether the n-th was reached.
bool end_failing();

/// How many errors the call with the most of them has.
inline constexpr unsigned kVariants = 3;

} // namespace karat::testing
