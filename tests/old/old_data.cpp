// SPDX-License-Identifier: Apache-2.0
#include "old_data.hpp"

#include "database.hpp"
#include "documents.hpp"

#include "karat/hash.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <sstream>

namespace karat::testing {
namespace {

constexpr std::size_t kLine = 96; // bytes of a file in a line

std::string print_file(std::string const& path, Bytes const& bytes)
{
    auto text = fmt::format("file {} {}\n", path, bytes.size());
    for (std::size_t at = 0; at < bytes.size(); at += kLine) {
        auto const part = std::span(bytes).subspan(at, std::min(kLine, bytes.size() - at));
        if (std::ranges::any_of(part, [](std::byte one) { return one != std::byte{0}; }))
            text += fmt::format("{} {}\n", at, to_base64(part));
    }
    return text;
}

/// "INSERT INTO t VALUES (" || quote(a) || … of a table with these columns.
std::string row_printer(std::string const& table, std::vector<std::string> const& columns)
{
    std::string values;
    for (auto const& column : columns)
        values += fmt::format("{}quote({})", values.empty() ? "" : " || ', ' || ", column);
    return fmt::format("SELECT 'INSERT INTO {0} ({1}) VALUES (' || {2} || ');' FROM {0} "
                       "ORDER BY rowid",
                       table, fmt::join(columns, ", "), values);
}

template <class Thing>
Result<void> print(std::string& text, std::string_view noun, Result<std::vector<Thing>> found)
{
    auto const things = TRY(std::move(found));
    for (auto const& thing : things)
        text += fmt::format("{} {}\n", noun, TRY(catalog::write_document(thing)));
    return {};
}

} // namespace

std::string print_files(MemoryFiles const& files, std::string_view directory, std::string_view but)
{
    std::string text;
    for (auto const& [path, bytes] : files.contents())
        if (path.starts_with(directory) && path.find(but) == std::string::npos)
            text += print_file(path, *bytes);
    return text;
}

Result<void> make_files(Files& files, std::string_view printed)
{
    std::istringstream lines{std::string(printed)};
    std::unique_ptr<File> file;
    std::string path;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        if (line.starts_with("file ")) {
            std::uint64_t size = 0;
            words.ignore(5) >> path >> size;
            TRY(files.make_dirs(parent_of(path)));
            file = TRY(files.open(path, Access::create));
            TRY(file->truncate(size));
            TRY(file->sync_data());
            TRY(files.sync_dir(parent_of(path)));
            continue;
        }
        std::uint64_t at = 0;
        std::string base64;
        words >> at >> base64;
        auto const bytes = TRY(from_base64(base64));
        TRY(file->write_at(at, bytes));
        TRY(file->sync_data());
    }
    return {};
}

Result<std::string> print_catalog(Env env, std::string const& path)
{
    auto const database = TRY(catalog::Database::open(env, path, catalog::Storage::through_env));
    auto const texts = [&](std::string const& query) { return database->texts({query, {}}); };
    std::string text;
    auto const schema =
        TRY(texts("SELECT sql || ';' FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"));
    for (auto const& statement : schema)
        text += statement + "\n";
    auto const tables =
        TRY(texts("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid"));
    for (auto const& table : tables) {
        auto const columns =
            TRY(texts(fmt::format("SELECT name FROM pragma_table_info('{}') ORDER BY cid", table)));
        auto const rows = TRY(texts(row_printer(table, columns)));
        for (auto const& row : rows)
            text += row + "\n";
    }
    return text;
}

Result<void> make_catalog(Env env, std::string const& path, std::string const& printed)
{
    auto const database = TRY(catalog::Database::open(env, path, catalog::Storage::through_env));
    TRY(database->begin());
    TRY(database->run_script(printed));
    return database->commit();
}

Result<std::string> print_nouns(catalog::Catalog& catalog)
{
    return catalog.read([](catalog::View& view) -> Result<std::string> {
        std::string text;
        auto const accounts = TRY(view.accounts());
        TRY(print<Account>(text, "account", accounts));
        for (auto const& account : accounts)
            TRY(print(text, "access_key", view.access_keys(account.id)));
        TRY(print(text, "image", view.images({})));
        TRY(print(text, "snapshot", view.snapshots({})));
        TRY(print(text, "volume", view.volumes({})));
        TRY(print(text, "instance", view.instances({})));
        TRY(print(text, "key_pair", view.key_pairs({})));
        TRY(print(text, "security_group", view.security_groups({})));
        TRY(print(text, "vpc", view.vpcs({})));
        TRY(print(text, "subnet", view.subnets({})));
        TRY(print(text, "parameter", view.parameters({}, "")));
        for (std::int64_t id = 1; auto const task = TRY(view.task(id)); ++id)
            TRY(print<Task>(text, "task", std::vector{*task}));
        return text;
    });
}

} // namespace karat::testing
