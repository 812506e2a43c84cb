// SPDX-License-Identifier: Apache-2.0
#include "live.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <unordered_map>

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

template <class Value>
SharedMap<std::string, Value> sorted_map(Edit edit,
                                         std::vector<std::pair<std::string, Value>> entries)
{
    std::ranges::sort(entries, {}, &std::pair<std::string, Value>::first);
    return SharedMap<std::string, Value>::of(edit, std::move(entries));
}

} // namespace

Group::Group(Edit edit, std::vector<StoredRef> records)
{
    if (records.size() == 1) {
        only_ = std::move(records.front());
        return;
    }
    std::vector<Records::Entry> numbered;
    for (auto& record : records)
        numbered.emplace_back(record->number, std::move(record));
    many_ = std::make_shared<Records const>(Records::of(edit, std::move(numbered)));
}

void Group::set(Edit edit, StoredRef const& record)
{
    if (is_empty() || (only_ && only_->number == record->number)) {
        only_ = record;
        return;
    }
    Records records = many_ ? *many_ : Records();
    if (only_)
        records.set(edit, only_->number, only_);
    records.set(edit, record->number, record);
    only_ = nullptr;
    many_ = std::make_shared<Records const>(std::move(records));
}

void Group::erase(Edit edit, std::int64_t number)
{
    if (only_ && only_->number == number)
        only_ = nullptr;
    if (!many_)
        return;
    Records records = *many_;
    records.erase(edit, number);
    many_ = records.size() == 0 ? nullptr : std::make_shared<Records const>(std::move(records));
}

Cursor::Cursor(Records const& records, std::int64_t after)
    : at_(records.lower_bound(after + 1))
    , end_(records.end())
{
}

Cursor::Cursor(Group const& group, std::int64_t after)
{
    if (group.only_ && group.only_->number > after)
        only_ = &group.only_;
    if (group.many_)
        *this = Cursor(*group.many_, after);
}

StoredRef const* Cursor::record() const { return at_ && *at_ != *end_ ? &(*at_)->second : only_; }

void Cursor::move_past(std::int64_t number)
{
    if (only_ != nullptr && (*only_)->number <= number)
        only_ = nullptr;
    while (at_ && *at_ != *end_ && (*at_)->first <= number)
        ++*at_;
}

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
            for (auto const& key : more)
                if (key.index == std::string_view(index.name))
                    list.push_back(key_text(table, index, {key.text}));
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
        group->set(edit, record);
    }
    last_number = std::max(last_number, record->number);
}

void LiveTable::fill(Edit edit, std::vector<std::pair<StoredRef, Keys>> records)
{
    std::vector<Records::Entry> numbered;
    std::vector<std::pair<std::string, StoredRef>> singles;
    std::unordered_map<std::string, std::vector<StoredRef>> members;
    for (auto& [record, keys] : records) {
        numbered.emplace_back(record->number, record);
        for (auto& key : keys.single)
            singles.emplace_back(std::move(key), record);
        for (auto& key : keys.group)
            members[std::move(key)].push_back(record);
    }
    if (!records.empty())
        last_number = std::max(last_number, records.back().first->number);
    records = {}; // the rest needs the room
    by_number = Records::of(edit, std::move(numbered));
    single = sorted_map(edit, std::move(singles));
    std::vector<std::pair<std::string, Group>> made;
    for (auto& [key, sharing] : members)
        made.emplace_back(key, Group(edit, std::move(sharing)));
    groups = sorted_map(edit, std::move(made));
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
        if (group->is_empty())
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

std::string text_of(TokenKey const& key)
{
    return key.account + kBetween + key.region + kBetween + key.action + kBetween + key.token;
}

} // namespace karat::catalog
