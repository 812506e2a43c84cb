// SPDX-License-Identifier: Apache-2.0
// Reads packs from front to back and verifies every record that the index has in them.
#pragma once

#include "packs.hpp"

#include <functional>

namespace karat::blocks {

/// What is wrong with a record, by its hash.
using Bad = std::map<Hash, std::string>;

/// How far a scrub is (FORMAT.md, "Scrub"). Pure.
struct ScrubCursor {
    std::uint32_t pack = 0; ///< Every pack up to this one is verified.
    std::string began = {};
    std::string done = {};
    std::uint64_t bytes = 0;
    std::vector<std::string> damage = {};
};
std::string encode_cursor(ScrubCursor const& cursor);
/// Fault::corrupt for anything but what encode_cursor() writes.
Result<ScrubCursor> decode_cursor(std::string_view text);

/// Verifies packs with several threads, one a pack.
class PackCheck {
public:
    struct Settings {
        Env env;
        int threads = 2;
        std::uint64_t bytes_per_second = 0; ///< 0: as fast as it goes.
        std::uint32_t after = 0;            ///< Packs up to this number are left out.
    };
    PackCheck(Packs& packs, std::string const& directory, Settings settings);

    /// `verified` is called, by one thread at a time, when all packs up to a number are verified,
    /// with that number and the share done; false ends the run. Whether it came to its end.
    using Verified = std::function<bool(std::uint32_t pack, double share)>;
    bool run(Verified const& verified);

    Bad const& bad() const { return bad_; }
    std::uint64_t records() const { return records_; }
    std::uint64_t bytes() const { return plain_bytes_; }
    std::uint64_t sealed() const { return sealed_; } ///< Records whose key was not to be had.

private:
    struct Desk;
    void work(Verified const& verified);
    void check_pack(std::vector<Indexed> const& records, Desk& desk);
    Result<bool> check_record(Indexed const& record, Packs::Pin const& pin, Desk& desk);
    bool still_there(Indexed const& record) const;
    void keep_pace(std::uint64_t bytes);

    Packs& packs_;
    std::string const directory_;
    Settings const settings_;
    std::vector<std::vector<Indexed>> work_; // a pack each, ascending
    std::chrono::nanoseconds const began_;

    std::mutex mutex_; // guards below
    std::size_t next_ = 0;
    std::size_t left_out_ = 0;  // packs
    std::size_t all_up_to_ = 0; // of work_, verified without a gap
    std::set<std::size_t> ahead_;
    bool ended_ = false;
    Bad bad_;
    std::uint64_t records_ = 0;
    std::uint64_t plain_bytes_ = 0;
    std::uint64_t sealed_ = 0;
    std::uint64_t read_bytes_ = 0;
};

} // namespace karat::blocks
