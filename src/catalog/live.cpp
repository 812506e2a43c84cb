// SPDX-License-Identifier: Apache-2.0
#include "live.hpp"

#include "karat/env.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <xxhash.h>

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
                 std::span<std::optional<std::string> const> columns)
{
    return index.unless.column != nullptr &&
           columns[table.column(index.unless.column)] == index.unless.value;
}

/// The key's text from a record's columns; nothing when one of them is NULL.
std::optional<std::string> text_of_columns(Table const& table, Index const& index,
                                           std::span<std::optional<std::string> const> columns)
{
    auto text = beginning(table, index);
    for (std::size_t i = 0; i < index.columns.size(); ++i) {
        auto const column = table.column(index.columns[i]);
        if (!columns[column])
            return {};
        if (i > 0)
            text += kBetween;
        text += part(table, column, *columns[column]);
    }
    return text;
}

/// So that nobody can look for texts with the same hash.
std::array<char, XXH3_SECRET_SIZE_MIN> const& key_secret()
{
    static auto const made = [] {
        std::array<char, XXH3_SECRET_SIZE_MIN> secret{};
        posix_env().chance.fill(std::as_writable_bytes(std::span(secret)));
        return secret;
    }();
    return made;
}

Key key_with(Index const& index, std::string text)
{
    if (index.kind == Index::Kind::order)
        return {.hash = {}, .text = std::move(text)};
    auto const& secret = key_secret();
    auto const hash =
        XXH3_128bits_withSecret(text.data(), text.size(), secret.data(), secret.size());
    return {.hash = {hash.high64, hash.low64}, .text = {}};
}

/// Of entries in any order, those with equal keys in the order of their numbers.
template <class Text>
void sort_by_key(std::vector<std::pair<Text, StoredRef>>& entries)
{
    std::ranges::stable_sort(entries, {}, &std::pair<Text, StoredRef>::first);
}

template <class Text>
SharedMap<Text, StoredRef> sorted_map(Edit edit, std::vector<std::pair<Text, StoredRef>> entries)
{
    sort_by_key(entries);
    return SharedMap<Text, StoredRef>::of(edit, std::move(entries));
}

SharedMap<Key::Hash, Group> grouped(Edit edit, std::vector<std::pair<Key::Hash, StoredRef>> members)
{
    sort_by_key(members);
    std::vector<std::pair<Key::Hash, Group>> groups;
    for (auto from = members.begin(); from != members.end();) {
        auto const key = from->first;
        std::vector<StoredRef> sharing;
        for (; from != members.end() && from->first == key; ++from)
            sharing.push_back(std::move(from->second));
        groups.emplace_back(key, Group(edit, std::move(sharing)));
    }
    return SharedMap<Key::Hash, Group>::of(edit, std::move(groups));
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

Key key_of(Table const& table, Index const& index, std::vector<std::string> const& parts)
{
    return key_with(index, key_text(table, index, parts));
}

Keys keys_of(Table const& table, std::span<std::optional<std::string> const> columns,
             std::vector<MoreKey> const& more)
{
    Keys keys;
    for (auto const& index : table.indexes) {
        if (is_left_out(table, index, columns))
            continue;
        auto& list = index.kind == Index::Kind::group ? keys.group : keys.single;
        if (!index.columns.empty()) {
            if (auto text = text_of_columns(table, index, columns))
                list.push_back(key_with(index, std::move(*text)));
            continue;
        }
        for (auto const& key : more)
            if (key.index == std::string_view(index.name))
                list.push_back(key_of(table, index, key.parts));
    }
    return keys;
}

void LiveTable::add(Edit edit, StoredRef const& record, Keys const& keys)
{
    by_number.set(edit, record->number, record);
    for (auto const& key : keys.single) {
        if (key.text.empty())
            unique.set(edit, key.hash, record);
        else
            ordered.set(edit, key.text, record);
    }
    for (auto const& key : keys.group) {
        auto* group = groups.edit(edit, key.hash);
        if (group == nullptr) {
            groups.set(edit, key.hash, {});
            group = groups.edit(edit, key.hash);
        }
        group->set(edit, record);
    }
    last_number = std::max(last_number, record->number);
}

void LiveTable::fill(Edit edit, std::vector<std::pair<StoredRef, Keys>> records)
{
    std::vector<Records::Entry> numbered;
    std::vector<std::pair<Key::Hash, StoredRef>> uniques;
    std::vector<std::pair<std::string, StoredRef>> texts;
    std::vector<std::pair<Key::Hash, StoredRef>> members;
    for (auto& [record, keys] : records) {
        numbered.emplace_back(record->number, record);
        for (auto& key : keys.single) {
            if (key.text.empty())
                uniques.emplace_back(key.hash, record);
            else
                texts.emplace_back(std::move(key.text), record);
        }
        for (auto& key : keys.group)
            members.emplace_back(key.hash, record);
    }
    if (!records.empty())
        last_number = std::max(last_number, records.back().first->number);
    records = {}; // the rest needs the room
    by_number = Records::of(edit, std::move(numbered));
    unique = sorted_map(edit, std::move(uniques));
    ordered = sorted_map(edit, std::move(texts));
    groups = grouped(edit, std::move(members));
}

void LiveTable::remove(Edit edit, std::int64_t number, Keys const& keys)
{
    by_number.erase(edit, number);
    for (auto const& key : keys.single) {
        if (key.text.empty())
            unique.erase(edit, key.hash);
        else
            ordered.erase(edit, key.text);
    }
    for (auto const& key : keys.group) {
        auto* const group = groups.edit(edit, key.hash);
        if (group == nullptr)
            continue;
        group->erase(edit, number);
        if (group->is_empty())
            groups.erase(edit, key.hash);
    }
}

void LiveTable::add_damaged(Edit edit, std::int64_t number, Damage damage)
{
    damaged.set(edit, number, std::make_shared<Damage const>(std::move(damage)));
    last_number = std::max(last_number, number);
}

Result<StoredRef> LiveTable::find(Key const& key) const
{
    if (unreadable)
        return *unreadable;
    for (auto const& [number, damage] : damaged)
        if (std::ranges::find(damage->keys.single, key) != damage->keys.single.end())
            return damage->error;
    auto const* const record = find_sound(key);
    return record ? *record : StoredRef();
}

StoredRef const* LiveTable::find_sound(Key const& key) const
{
    return key.text.empty() ? unique.find(key.hash) : ordered.find(key.text);
}

std::string text_of(TokenKey const& key)
{
    return key.account + kBetween + key.region + kBetween + key.action + kBetween + key.token;
}

} // namespace karat::catalog
