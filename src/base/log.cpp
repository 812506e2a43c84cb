// SPDX-License-Identifier: Apache-2.0
#include "karat/log.hpp"

#include "karat/env.hpp"

#include <atomic>
#include <unistd.h>

namespace karat {
namespace {

std::atomic<Level> lowest_level{Level::info};

char const* word(Level level)
{
    switch (level) {
    case Level::debug:
        return "debug";
    case Level::info:
        return "info";
    case Level::warn:
        return "warn";
    case Level::error:
        return "error";
    }
    return "?";
}

bool plain(std::string_view value)
{
    for (char const c : value)
        if (static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f)
            return false;
    return !value.empty();
}

void append_value(std::string& line, std::string_view value)
{
    if (plain(value)) {
        line += value;
        return;
    }
    line += '"';
    for (char const c : value) {
        if (c == '"' || c == '\\')
            line += '\\';
        if (c == '\n')
            line += "\\n";
        else if (static_cast<unsigned char>(c) < ' ' || c == 0x7f)
            line += '?';
        else
            line += c;
    }
    line += '"';
}

void append_field(std::string& line, std::string_view key, std::string_view value)
{
    line += ' ';
    line += key;
    line += '=';
    append_value(line, value);
}

void emit(std::string line)
{
    line = format_time(posix_env().clock.now()) + ' ' + line + '\n';
    // Nobody is left to tell when stderr is gone.
    [[maybe_unused]] auto const written = ::write(STDERR_FILENO, line.data(), line.size());
}

} // namespace

std::string format_log_line(Level level, std::string_view event,
                            std::initializer_list<Field> fields)
{
    std::string line = word(level);
    line += ' ';
    line += event;
    for (Field const& field : fields)
        append_field(line, field.key, field.value);
    return line;
}

void log(Level level, std::string_view event, std::initializer_list<Field> fields)
{
    if (level >= lowest_level.load(std::memory_order_relaxed))
        emit(format_log_line(level, event, fields));
}

void log(Level level, std::string_view event, Error const& error,
         std::initializer_list<Field> fields)
{
    if (level < lowest_level.load(std::memory_order_relaxed))
        return;
    auto line = format_log_line(level, event, fields);
    append_field(line, "fault", name(error.fault));
    append_field(line, "message", error.message);
    append_field(line, "at",
                 std::string(error.where.file) + ':' + std::to_string(error.where.line));
    emit(std::move(line));
}

void set_log_level(Level level) { lowest_level.store(level, std::memory_order_relaxed); }

} // namespace karat
