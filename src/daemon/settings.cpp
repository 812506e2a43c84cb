// SPDX-License-Identifier: Apache-2.0
#include "settings.hpp"

#include "karat/nearest.hpp"
#include "karat/text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <span>

#include <toml++/toml.h>

namespace karat::daemon {
namespace {

constexpr std::size_t kMostQuoted = 100; // of what was given, in a message

struct Text {
    std::string Settings::* member;
    std::vector<std::string> choices; ///< Empty: any text.
};
struct Number {
    std::int64_t Settings::* member;
    std::int64_t least;
    std::int64_t most;
};
struct List {
    std::vector<std::string> Settings::* member;
};

struct Row {
    std::string_view key;
    std::variant<Text, Number, List> value;
    std::string_view sentence;
};

std::vector<Row> const& rows()
{
    static std::vector<Row> const table{
        {"data_directory", Text{&Settings::data_directory, {}},
         "Everything that Karat keeps: catalog, block store, volumes, run-time files."},
        {"catalog", Text{&Settings::catalog, {}},
         "The PostgreSQL database that keeps the catalog, as postgresql://…; empty means the file "
         "catalog.sqlite in data_directory."},
        {"address", Text{&Settings::address, {}}, "The IP address that the API listens on."},
        {"port", Number{&Settings::port, 0, 65535},
         "The port that the API listens on; 0 takes a free one."},
        {"regions", List{&Settings::regions},
         "The regions that are offered; the first one is the default."},
        {"accelerator", Text{&Settings::accelerator, {"auto", "kvm", "tcg"}},
         "auto uses KVM when a boot probe passes, and software emulation (tcg) otherwise."},
        {"memory_mib", Number{&Settings::memory_mib, 0, std::int64_t{1} << 32},
         "Memory for all guests together; 0 means nine tenths of the host's."},
        {"keep_free_mib", Number{&Settings::keep_free_mib, 0, std::int64_t{1} << 32},
         "New data is refused when less disk space than this would be left, so that guests can "
         "write and things be deleted."},
        {"cache_mib", Number{&Settings::cache_mib, 0, std::int64_t{1} << 32},
         "Disk space for copies of the snapshots that guests run from; 0 keeps none."},
        {"api_workers", Number{&Settings::api_workers, 1, 256}, "Threads that answer calls."},
        {"task_workers", Number{&Settings::task_workers, 1, 64},
         "Threads that finish what takes seconds: launches, stops, attachments."},
        {"bulk_workers", Number{&Settings::bulk_workers, 1, 64},
         "Threads that finish what takes long: imports, exports, the storing of snapshots."},
        {"shutdown_timeout_seconds", Number{&Settings::shutdown_timeout_seconds, 1, 3600},
         "How long a guest may take to shut down before it is switched off."},
        {"terminated_for_seconds", Number{&Settings::terminated_for_seconds, 1, 86400},
         "How long a terminated instance stays in DescribeInstances."},
        {"audit_days", Number{&Settings::audit_days, 1, 36500},
         "How long the catalog keeps its audit rows: who changed what, and when."},
        {"guests_reach_host", Text{&Settings::guests_reach_host, {"no", "yes"}},
         "Whether guests may connect to this host's own addresses, its loopback ones left out."},
        {"first_user", Number{&Settings::first_user, 0, 4'294'000'000},
         "The first of 65536 user ids for guests' processes, which nothing else has; 0 uses none."},
        {"log_level", Text{&Settings::log_level, {"debug", "info", "warn", "error"}},
         "The least urgent lines that are logged."},
        {"key_file", Text{&Settings::key_file, {}},
         "The master keys of encrypted volumes; empty means encryption-keys in data_directory. "
         "Back "
         "it up, and not beside the store."},
        {"program_directory", Text{&Settings::program_directory, {}},
         "Where karat-net, karat-confine and karat-blk.so are; empty means beside karatd."},
    };
    return table;
}

Row const* find_row(std::string_view key)
{
    auto const found =
        std::find_if(rows().begin(), rows().end(), [&](Row const& row) { return row.key == key; });
    return found == rows().end() ? nullptr : &*found;
}

Error unknown_key(std::string_view key)
{
    std::vector<std::string> known;
    for (auto const& row : rows())
        known.emplace_back(row.key);
    auto const meant = did_you_mean(key, known);
    return fail(Fault::unknown,
                fmt::format("There is no setting '{}'{} `karatd --settings` lists them all",
                            key.substr(0, kMostQuoted), meant.empty() ? ";" : meant));
}

Result<void> set(Settings& settings, Row const& row, std::string const& value)
{
    auto const& text = std::get<Text>(row.value);
    auto const& choices = text.choices;
    if (!choices.empty() && std::find(choices.begin(), choices.end(), value) == choices.end())
        return fail(Fault::invalid, fmt::format("The setting '{}' is one of {}, not '{}'", row.key,
                                                fmt::join(choices, ", "), value));
    settings.*text.member = value;
    return {};
}

Result<void> set(Settings& settings, Row const& row, std::int64_t value)
{
    auto const& number = std::get<Number>(row.value);
    if (value < number.least || value > number.most)
        return fail(Fault::invalid, fmt::format("The setting '{}' is {} to {}, not {}", row.key,
                                                number.least, number.most, value));
    settings.*number.member = value;
    return {};
}

Result<void> set(Settings& settings, Row const& row, std::vector<std::string> value)
{
    if (value.empty())
        return fail(Fault::invalid,
                    fmt::format("The setting '{}' needs at least one element", row.key));
    settings.*std::get<List>(row.value).member = std::move(value);
    return {};
}

Error wrong_type(Row const& row, char const* wanted)
{
    return fail(Fault::invalid, fmt::format("The setting '{}' takes {}", row.key, wanted));
}

Result<void> set_from_toml(Settings& settings, Row const& row, toml::node const& node)
{
    if (std::holds_alternative<Text>(row.value)) {
        auto const text = node.value_exact<std::string>();
        return text ? set(settings, row, *text) : wrong_type(row, "text in quotes");
    }
    if (std::holds_alternative<Number>(row.value)) {
        auto const number = node.value_exact<std::int64_t>();
        return number ? set(settings, row, *number) : wrong_type(row, "a whole number");
    }
    auto const* const array = node.as_array();
    if (array == nullptr)
        return wrong_type(row, "a list of texts");
    std::vector<std::string> list;
    for (auto const& element : *array) {
        auto const text = element.value_exact<std::string>();
        if (!text)
            return wrong_type(row, "a list of texts");
        list.push_back(*text);
    }
    return set(settings, row, std::move(list));
}

std::string choices_text(Row const& row)
{
    auto const* const text = std::get_if<Text>(&row.value);
    if (text == nullptr || text->choices.empty())
        return {};
    return fmt::format(" One of {}.", fmt::join(text->choices, ", "));
}

std::string default_text(Row const& row)
{
    Settings const defaults;
    if (auto const* const text = std::get_if<Text>(&row.value))
        return fmt::format("\"{}\"", defaults.*text->member);
    if (auto const* const number = std::get_if<Number>(&row.value))
        return fmt::format("{} ({} to {})", defaults.*number->member, number->least, number->most);
    return fmt::format("[\"{}\"]", fmt::join(defaults.*std::get<List>(row.value).member, "\", \""));
}

} // namespace

namespace {

/// toml++ throws; nothing leaves this function.
Result<toml::table> parse_table(std::string const& text)
{
    try {
        return toml::parse(text);
    } catch (toml::parse_error const& problem) {
        return fail(Fault::invalid,
                    fmt::format("The settings are not TOML: {} (line {})", problem.description(),
                                problem.source().begin.line));
    }
}

} // namespace

Result<Settings> parse_settings(std::string const& toml_text)
{
    auto const table = TRY(parse_table(toml_text));
    Settings settings;
    for (auto const& [key, node] : table) {
        auto const* const row = find_row(key.str());
        if (row == nullptr)
            return unknown_key(key.str());
        TRY(set_from_toml(settings, *row, node));
    }
    return settings;
}

Result<void> set_setting(Settings& settings, std::string const& key, std::string const& value)
{
    auto const* const row = find_row(key);
    if (row == nullptr)
        return unknown_key(key);
    if (std::holds_alternative<Text>(row->value))
        return set(settings, *row, value);
    if (std::holds_alternative<List>(row->value)) {
        std::vector<std::string> list;
        for (std::size_t at = 0; at <= value.size();) {
            auto const comma = std::min(value.find(',', at), value.size());
            list.push_back(value.substr(at, comma - at));
            at = comma + 1;
        }
        return set(settings, *row, std::move(list));
    }
    auto const number = number_of<std::int64_t>(value);
    if (!number)
        return wrong_type(*row, "a whole number");
    return set(settings, *row, *number);
}

std::string describe_settings()
{
    std::string text;
    for (auto const& row : rows())
        text += fmt::format("{}\n    {}{}\n    default: {}\n", row.key, row.sentence,
                            choices_text(row), default_text(row));
    return text;
}

} // namespace karat::daemon
