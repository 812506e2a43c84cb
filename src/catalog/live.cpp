// SPDX-License-Identifier: Apache-2.0
#include "live.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::catalog {
namespace {

constexpr char kBetween = '\0'; // no id, region or state holds it; names come last or before ids

/// Numbers sort as texts when they have as many digits.
std::string part(Table const& table, std::size_t column, std::string const& text)
{
    bool const is_number = std::string_view(table.name) == "task" &&
                           (table.columns[column] == std::string_view("id") ||
                            table.columns[column] == std::string_view("due"));
    return is_number ? fmt::format("{:0>20}", text) : text;
}

std::string beginning(Table const& table, Index const& index)
{
    return std::string(1, static_cast<char>('a' + (&index - table.indexes.data())));
}

bool is_left_out(Table const& table, Index const& index,
                 std::vector<std::optional<std::string>> const& columns)
{
    return index.unless.column != nullptr &&
           columns[table.column(index.unless.column)] == index.unless.value;
}

} // namespace

std::string key_text(Table const& table, Index const& index, std::vector<std::string> const& parts)
{
    auto key = beginning(table, index);
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i > 0)
            key += kBetween;
        key += index.columns.empty() ? parts[i]
                                     : part(table, table.column(index.columns.at(i)), parts[i]);
    }
    return key;
}

Keys keys_of(Table const& table, std::vector<std::optional<std::string>> const& columns,
             std::vector<MoreKey> const& more)
{
    Keys keys;
    for (auto const& index : table.indexes) {
        if (is_left_out(table, index, columns))
            continue;
        auto& list = index.kind == Index::Kind::group ? keys.group : keys.single;
        if (index.columns.empty()) {
            for (auto const& [name, parts] : more)
                if (std::string_view(name) == index.name)
                    list.push_back(key_text(table, index, parts));
            continue;
        }
        std::vector<std::string> parts;
        for (auto const* const name : index.columns)
            if (auto const& text = columns[table.column(name)])
                parts.push_back(*text);
        if (parts.size() == index.columns.size())
            list.push_back(key_text(table, index, parts));
    }
    return keys;
}

void LiveTable::add(Edit edit, StoredRef const& record, Keys const& keys)
{
    by_number.set(edit, record->number, record);
    for (auto const& key : keys.single)
        single.set(edit, key, record);
    for (auto const& key : keys.group) {
        auto* group = groups.edit(edit, key);
        if (group == nullptr) {
            groups.set(edit, key, {});
            group = groups.edit(edit, key);
        }
        group->set(edit, record->number, record);
    }
    last_number = std::max(last_number, record->number);
}

void LiveTable::remove(Edit edit, std::int64_t number, Keys const& keys)
{
    by_number.erase(edit, number);
    for (auto const& key : keys.single)
        single.erase(edit, key);
    for (auto const& key : keys.group) {
        auto* const group = groups.edit(edit, key);
        if (group == nullptr)
            continue;
        group->erase(edit, number);
        if (group->size() == 0)
            groups.erase(edit, key);
    }
}

void LiveTable::add_damaged(Edit edit, std::int64_t number, Damage damage)
{
    damaged.set(edit, number, std::make_shared<Damage const>(std::move(damage)));
    last_number = std::max(last_number, number);
}

Result<StoredRef> LiveTable::find(std::string const& key) const
{
    if (unreadable)
        return *unreadable;
    for (auto const& [number, damage] : damaged)
        if (std::ranges::find(damage->keys.single, key) != damage->keys.single.end())
            return damage->error;
    auto const* const record = single.find(key);
    return record ? *record : StoredRef();
}

std::string token_key(std::string const& account, std::string const& region,
                      std::string const& action, std::string const& token)
{
    return account + kBetween + region + kBetween + action + kBetween + token;
}

} // namespace karat::catalog
