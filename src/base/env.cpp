// SPDX-License-Identifier: Apache-2.0
// What is built on the Env interfaces alone, the same in production and in tests.
#include "karat/env.hpp"

#include "karat/hash.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace karat {

std::span<std::byte const> as_bytes(std::string_view text)
{
    return std::as_bytes(std::span(text.data(), text.size()));
}

std::string_view as_text(std::span<std::byte const> bytes)
{
    return {static_cast<char const*>(static_cast<void const*>(bytes.data())), bytes.size()};
}

std::string parent_of(std::string const& path)
{
    auto const slash = path.rfind('/');
    if (slash == std::string::npos)
        return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> read_exactly(File& file, std::uint64_t offset_bytes, std::span<std::byte> into)
{
    auto const got = TRY(file.read_at(offset_bytes, into));
    if (got != into.size())
        return fail(Fault::corrupt,
                    fmt::format("A file ends {} bytes before the end of what it should hold",
                                into.size() - got));
    return {};
}

Result<Bytes> read_file(Files& files, std::string const& path, std::size_t limit_bytes)
{
    auto const file = TRY(files.open(path, Access::read));
    auto const size = TRY(file->size_bytes());
    if (size > limit_bytes)
        return fail(Fault::exhausted, fmt::format("{} has {} bytes, more than the {} allowed", path,
                                                  size, limit_bytes));
    Bytes contents(size);
    TRY(read_exactly(*file, 0, contents));
    return contents;
}

namespace {

/// Writes a new file. Not what lies there: a crash may have left it, others may have put a link.
Result<std::unique_ptr<File>> write_new(Files& files, std::string const& path,
                                        std::span<std::byte const> contents)
{
    TRY(files.remove(path));
    auto file = TRY(files.open(path, Access::create_new));
    TRY(file->write_at(0, contents));
    return file;
}

} // namespace

Result<void> replace_file(Files& files, std::string const& path,
                          std::span<std::byte const> contents)
{
    auto const temporary = path + ".new";
    auto const file = TRY(write_new(files, temporary, contents));
    TRY(file->sync_data());
    TRY(files.rename(temporary, path));
    return files.sync_dir(parent_of(path));
}

Result<void> publish_file(Files& files, std::string const& path,
                          std::span<std::byte const> contents)
{
    auto const temporary = path + ".new";
    TRY(write_new(files, temporary, contents));
    return files.rename(temporary, path);
}

std::string format_time(Time time)
{
    auto const seconds = std::chrono::floor<std::chrono::seconds>(time);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                       fmt::gmtime(seconds.time_since_epoch().count()), (time - seconds).count());
}

Result<Time> parse_time(std::string_view text)
{
    auto const bad = [&] {
        return fail(Fault::invalid,
                    fmt::format("'{}' is not a time like 2026-01-02T03:04:05Z", text));
    };
    // Exactly "YYYY-MM-DDTHH:MM:SS", then nothing or a fraction of up to nine digits, then "Z".
    constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";
    if (text.size() <= kShape.size() || text.back() != 'Z')
        return bad();
    for (std::size_t i = 0; i < kShape.size(); ++i) {
        bool const digit = text[i] >= '0' && text[i] <= '9';
        if (kShape[i] == 'd' ? !digit : text[i] != kShape[i])
            return bad();
    }
    auto const number = [&](std::size_t at, std::size_t length) {
        int value = 0;
        for (char const c : text.substr(at, length))
            value = value * 10 + (c - '0');
        return value;
    };
    int milliseconds = 0;
    auto fraction = text.substr(kShape.size(), text.size() - kShape.size() - 1);
    if (!fraction.empty()) {
        if (fraction[0] != '.' || fraction.size() < 2 || fraction.size() > 10)
            return bad();
        for (std::size_t i = 1; i < fraction.size(); ++i) {
            if (fraction[i] < '0' || fraction[i] > '9')
                return bad();
            if (i <= 3)
                milliseconds = milliseconds * 10 + (fraction[i] - '0');
        }
        for (std::size_t i = fraction.size(); i <= 3; ++i)
            milliseconds *= 10;
    }
    auto const date = std::chrono::year_month_day(
        std::chrono::year(number(0, 4)), std::chrono::month(static_cast<unsigned>(number(5, 2))),
        std::chrono::day(static_cast<unsigned>(number(8, 2))));
    if (!date.ok() || number(11, 2) > 23 || number(14, 2) > 59 || number(17, 2) > 60)
        return bad();
    return Time(std::chrono::sys_days(date)) + std::chrono::hours(number(11, 2)) +
           std::chrono::minutes(number(14, 2)) + std::chrono::seconds(number(17, 2)) +
           std::chrono::milliseconds(milliseconds);
}

std::string random_hex(Chance& chance, std::size_t count)
{
    Bytes bytes(count);
    chance.fill(bytes);
    return to_hex(bytes);
}

} // namespace karat
