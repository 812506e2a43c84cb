// SPDX-License-Identifier: Apache-2.0
#include "karat/log.hpp"

#include "karat/env.hpp"
#include "karat/log_limit.hpp"
#include "karat/mutex.hpp"
#include "karat/utf8.hpp"

#include <atomic>
#include <map>
#include <unistd.h>

namespace karat {
namespace {

constexpr LogRate kRate{.per_second = 20, .burst = 10'000};
constexpr std::size_t kMostValueBytes = 4096; // the last words of a program are long

std::atomic<Level> lowest_level{Level::info};

/// Events are words of our sources: there are some hundred.
class Gate {
public:
    std::optional<std::uint64_t> admit(std::string_view event)
    {
        Lock const guard(mutex_);
        auto found = limits_.find(event);
        if (found == limits_.end())
            found = limits_.emplace(event, LogLimit(kRate)).first;
        return found->second.admit(posix_env().clock.steady());
    }
    void set(std::string_view event, LogRate rate)
    {
        Lock const guard(mutex_);
        limits_.insert_or_assign(std::string(event), LogLimit(rate));
    }

private:
    Mutex mutex_;
    std::map<std::string, LogLimit, std::less<>> limits_ GUARDED_BY(mutex_);
};

Gate& gate()
{
    static auto& lives_as_long_as_any_thread = *new Gate;
    return lives_as_long_as_any_thread;
}

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
        if (static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f ||
            c == '"' || c == '=' || c == '\\')
            return false;
    return !value.empty();
}

/// A character in quotes. What a terminal would obey, or could not read, becomes '?'.
void append_character(std::string& line, std::string_view character, std::uint32_t value)
{
    if (value == '"' || value == '\\')
        line += '\\';
    if (value == '\n')
        line += "\\n";
    else if (value < ' ' || (value >= 0x7f && value < 0xa0))
        line += '?';
    else
        line += character;
}

void append_value(std::string& line, std::string_view value)
{
    bool const cut = value.size() > kMostValueBytes;
    value = value.substr(0, kMostValueBytes);
    if (!cut && plain(value)) {
        line += value;
        return;
    }
    line += '"';
    while (!value.empty()) {
        auto const point = first_code_point(value);
        auto const length = point ? point->length_bytes : 1;
        append_character(line, value.substr(0, length), point ? point->value : 0);
        value.remove_prefix(length);
    }
    line += cut ? "…\"" : "\"";
}

void append_field(std::string& line, std::string_view key, std::string_view value)
{
    line += ' ';
    line += key;
    line += '=';
    append_value(line, value);
}

void write_line(std::string line)
{
    line = format_time(posix_env().clock.now()) + ' ' + line + '\n';
    // Nobody is left to tell when stderr is gone.
    [[maybe_unused]] auto const written = ::write(STDERR_FILENO, line.data(), line.size());
}

/// Whether a line about the event may be written; says what was left out before it.
bool admit(Level level, std::string_view event)
{
    if (level < lowest_level.load(std::memory_order_relaxed))
        return false;
    auto const left_out = gate().admit(event);
    if (left_out.value_or(0) > 0)
        write_line(
            format_log_line(Level::warn, "log.left_out", {{"event", event}, {"lines", *left_out}}));
    return left_out.has_value();
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
    if (admit(level, event))
        write_line(format_log_line(level, event, fields));
}

void log(Level level, std::string_view event, Error const& error,
         std::initializer_list<Field> fields)
{
    if (!admit(level, event))
        return;
    auto line = format_log_line(level, event, fields);
    append_field(line, "fault", name(error.fault));
    append_field(line, "message", error.message);
    append_field(line, "at",
                 std::string(error.where.file) + ':' + std::to_string(error.where.line));
    write_line(std::move(line));
}

void set_log_rate(std::string_view event, LogRate rate) { gate().set(event, rate); }

void set_log_level(Level level) { lowest_level.store(level, std::memory_order_relaxed); }

} // namespace karat
