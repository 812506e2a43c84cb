// SPDX-License-Identifier: Apache-2.0
// Room on the disk that is given up when there is none, so that things can still be deleted: a few
// files full of noise beside the database, PATH.reserve-N.
#pragma once

#include "karat/env.hpp"

namespace karat::catalog {

/// Not thread-safe.
class Reserve {
public:
    static constexpr int kParts = 4;
    static constexpr std::uint64_t kPartBytes = 2 << 20;

    /// `path` is the database's.
    Reserve(Env env, std::string path);

    /// Makes the parts that lack, if the disk has much more room than they take. Failing is no
    /// harm: it is tried again.
    void fill();
    /// Removes a part. False when none is left, or it cannot be removed.
    bool give_up();
    /// As give_up(), if the disk has next to no room: for opening the database.
    void give_up_if_full();

private:
    std::string part(int number) const;
    Result<void> make(int number);
    std::uint64_t free_bytes();

    Env env_;
    std::string const path_;
    std::chrono::nanoseconds filled_at_{};
};

} // namespace karat::catalog
