// SPDX-License-Identifier: Apache-2.0
// The daemon's settings: one TOML file, one table that says all there is to say about each.
#pragma once

#include "karat/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace karat::daemon {

struct Settings {
    std::string data_directory = "/var/lib/karat";
    std::string catalog; ///< A PostgreSQL URL; empty: data_directory/catalog.sqlite.
    std::string address = "127.0.0.1";
    std::int64_t port = 4566;
    std::vector<std::string> regions{"us-east-1", "us-east-2",    "us-west-1",     "us-west-2",
                                     "eu-west-1", "eu-central-1", "ap-southeast-1"};
    std::string accelerator = "auto";
    std::int64_t memory_mib = 0;
    std::int64_t cache_mib = 0;
    std::int64_t keep_free_mib = 256;
    std::int64_t api_workers = 8;
    std::int64_t task_workers = 4;
    std::int64_t bulk_workers = 4;
    std::int64_t shutdown_timeout_seconds = 90;
    std::int64_t terminated_for_seconds = 3600;
    std::int64_t audit_days = 90;
    std::string guests_reach_host = "no";
    std::int64_t first_user = 2'000'000;
    std::string log_level = "info";
    std::string key_file;          ///< The master keys; empty: data_directory/encryption-keys.
    std::string program_directory; ///< Where karat-net and karat-blk.so are; empty: beside karatd.
};

/// Reads TOML. Unknown keys, wrong types and values out of bounds are errors that name the key.
Result<Settings> parse_settings(std::string const& toml);
/// Sets one key from text, as on the command line.
Result<void> set_setting(Settings& settings, std::string const& key, std::string const& value);
/// Every setting with its default, bounds and sentence, as --settings lists it.
std::string describe_settings();

} // namespace karat::daemon
