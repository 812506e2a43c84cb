// SPDX-License-Identifier: Apache-2.0
// One line an event, logfmt, the event first:
//   2026-01-02T03:04:05.678Z info snapshot.completed snapshot=snap-… took_ms=43
// error: a person must look; warn: degraded; info: a state changed; debug: off by default.
#pragma once

#include "karat/result.hpp"

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace karat {

enum class Level : unsigned char { debug, info, warn, error };

/// key=value of a log line. Values with blanks or quotes are quoted; secrets have no conversion.
struct Field {
    std::string_view key;
    std::string value;

    Field(std::string_view k, std::string_view v)
        : key(k)
        , value(v)
    {
    }
    Field(std::string_view k, std::string const& v)
        : key(k)
        , value(v)
    {
    }
    Field(std::string_view k, char const* v)
        : key(k)
        , value(v)
    {
    }
    Field(std::string_view k, std::integral auto v)
        : key(k)
        , value(std::to_string(v))
    {
    }
};

/// Writes the line to stderr with one write(2), bounded (log_limit.hpp); thread-safe; never fails.
void log(Level level, std::string_view event, std::initializer_list<Field> fields = {});
/// The same for an Error: adds fault=, message=, at=.
void log(Level level, std::string_view event, Error const& error,
         std::initializer_list<Field> fields = {});
/// Lines below this level are dropped; info at start.
void set_log_level(Level level);

/// One line without the time, as log() writes it after its time stamp; for tests and for humans.
std::string format_log_line(Level level, std::string_view event,
                            std::initializer_list<Field> fields);

} // namespace karat
