// SPDX-License-Identifier: Apache-2.0
#include "tables.hpp"

#include "checksum.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::catalog {
namespace {

constexpr std::size_t kLongestLabel = 80;

std::optional<std::string> id_text(auto const& id)
{
    return id ? std::optional(id->text()) : std::nullopt;
}

std::string state_word(auto const& thing) { return std::string(word(thing.state)); }

} // namespace

namespace {

using Kind = Index::Kind;

Index by_id() { return {"id", Kind::unique, {"id"}}; }
Index in_region() { return {"region", Kind::group, {"region"}}; }
Index in_scope() { return {"scope", Kind::group, {"region", "owner"}}; }
Index of_owner() { return {"owner", Kind::group, {"owner"}}; }

} // namespace

#define TABLE(Thing, ...)                                                                          \
    template <>                                                                                    \
    Table const& table_of<Thing>()                                                                 \
    {                                                                                              \
        static Table const table __VA_ARGS__;                                                      \
        return table;                                                                              \
    }

TABLE(Account, {0,
                "account",
                Noun::account,
                "seq",
                1,
                {"id", "name", "alias"},
                {by_id(),
                 {"name", Kind::unique, {"name"}},
                 {"alias", Kind::unique, {"alias"}, {"alias", ""}}}})
TABLE(AccessKey, {1,
                  "access_key",
                  Noun::access_key,
                  "seq",
                  1,
                  {"id", "account"},
                  {by_id(), {"account", Kind::group, {"account"}}}})
TABLE(Image, {2,
              "image",
              Noun::image,
              "seq",
              1,
              {"id", "region", "owner", "name", "state"},
              {by_id(),
               {"region", Kind::group, {"region"}, {"state", "deregistered"}},
               {"scope", Kind::group, {"region", "owner"}, {"state", "deregistered"}},
               {"owner", Kind::group, {"owner"}, {"state", "deregistered"}},
               {"name", Kind::order, {"region", "name", "owner"}, {"state", "deregistered"}},
               {"snapshot", Kind::group, {}, {"state", "deregistered"}},
               {"reader", Kind::group, {}, {"state", "deregistered"}},
               {"tag", Kind::group, {}, {"state", "deregistered"}}}})
TABLE(Snapshot, {3,
                 "snapshot",
                 Noun::snapshot,
                 "seq",
                 1,
                 {"id", "region", "owner", "state"},
                 {by_id(),
                  in_region(),
                  in_scope(),
                  of_owner(),
                  {"pending", Kind::group, {}},
                  {"reader", Kind::group, {}, {"state", "deleted"}},
                  {"tag", Kind::group, {}, {"state", "deleted"}}}})
TABLE(Volume, {4,
               "volume",
               Noun::volume,
               "seq",
               1,
               {"id", "region", "owner", "state", "instance", "base"},
               {by_id(),
                in_region(),
                in_scope(),
                of_owner(),
                {"instance", Kind::group, {"instance"}},
                {"base", Kind::group, {"base"}, {"state", "deleted"}},
                {"tag", Kind::group, {}}}})
TABLE(Instance, {5,
                 "instance",
                 Noun::instance,
                 "seq",
                 1,
                 {"id", "region", "owner", "state"},
                 {by_id(),
                  in_region(),
                  in_scope(),
                  of_owner(),
                  {"address", Kind::group, {}, {"state", "terminated"}},
                  {"holds", Kind::group, {}},
                  {"tag", Kind::group, {}}}})
TABLE(KeyPair, {6,
                "key_pair",
                Noun::key_pair,
                "seq",
                1,
                {"id", "region", "owner", "name"},
                {by_id(),
                 in_region(),
                 in_scope(),
                 of_owner(),
                 {"name", Kind::unique, {"owner", "region", "name"}}}})
TABLE(SecurityGroup,
      {7,
       "security_group",
       Noun::security_group,
       "seq",
       1,
       {"id", "region", "owner", "vpc", "name"},
       {by_id(), in_region(), in_scope(), of_owner(), {"name", Kind::unique, {"vpc", "name"}}}})
TABLE(Vpc, {8,
            "vpc",
            Noun::vpc,
            "seq",
            1,
            {"id", "region", "owner"},
            {by_id(), in_region(), in_scope(), of_owner()}})
TABLE(Subnet, {9,
               "subnet",
               Noun::subnet,
               "seq",
               1,
               {"id", "region", "owner"},
               {by_id(), in_region(), in_scope(), of_owner()}})
TABLE(Parameter,
      {10,
       "parameter",
       Noun::parameter,
       "seq",
       3,
       {"region", "name", "owner"},
       {{"name", Kind::order, {"region", "name", "owner"}}, in_region(), in_scope(), of_owner()}})
TABLE(Task, {11,
             "task",
             Noun::task,
             "id",
             1,
             {"id", "state", "due", "lease_host"},
             {by_id(),
              {"due", Kind::order, {"due", "id"}},
              {"state", Kind::group, {"state"}},
              {"lane", Kind::order, {}},
              {"on", Kind::group, {}},
              {"keeps", Kind::group, {}}}})

#undef TABLE

namespace {

template <class... Things>
std::array<Table const*, kTables> tables_of(Nouns<Things...>)
{
    return {&table_of<Things>()...};
}

} // namespace

std::array<Table const*, kTables> all_tables() { return tables_of(AllNouns()); }

namespace {

void add_tags(std::vector<MoreKey>& keys, auto const& thing)
{
    for (auto const& [key, value] : thing.tags)
        keys.push_back({"tag", {tag_key(thing.region, thing.owner, key, value)}});
}

void add_readers(std::vector<MoreKey>& keys, auto const& thing, auto const& accounts)
{
    if (thing.is_public)
        keys.push_back({"reader", {reader_key(thing.region, kEveryone)}});
    for (auto const& account : accounts)
        keys.push_back({"reader", {reader_key(thing.region, account.text())}});
}

} // namespace

std::vector<MoreKey> more_keys(Image const& image)
{
    std::vector<MoreKey> keys;
    for (auto const& device : image.devices)
        if (device.snapshot)
            keys.push_back({"snapshot", {device.snapshot->text()}});
    add_readers(keys, image, image.launch_permissions);
    add_tags(keys, image);
    return keys;
}

std::vector<MoreKey> more_keys(Snapshot const& snapshot)
{
    std::vector<MoreKey> keys;
    if (snapshot.state == SnapshotState::pending)
        keys.push_back({"pending", {snapshot.owner.text()}});
    add_readers(keys, snapshot, snapshot.volume_permissions);
    add_tags(keys, snapshot);
    return keys;
}

std::vector<MoreKey> more_keys(Volume const& volume)
{
    std::vector<MoreKey> keys;
    add_tags(keys, volume);
    return keys;
}

std::vector<MoreKey> more_keys(Instance const& instance)
{
    auto const& interface = instance.interface;
    std::vector<MoreKey> keys{
        {"address", {private_address(interface.subnet, interface.private_ip)}},
        {"address", {interface.public_ip}}};
    bool const holds_memory = instance.state == InstanceState::pending ||
                              instance.state == InstanceState::running ||
                              instance.state == InstanceState::stopping;
    if (holds_memory)
        keys.push_back({"holds", {instance.type}});
    add_tags(keys, instance);
    return keys;
}

std::vector<MoreKey> more_keys(Task const& task)
{
    auto const when = due(task);
    if (!when)
        return {};
    std::vector<MoreKey> keys;
    keys.push_back({"lane",
                    {std::string(word(task.lane)), fmt::format("{:0>20}", column(*when)),
                     fmt::format("{:0>20}", task.id)}});
    for (auto const& resource : task.on)
        keys.push_back({"on", {resource}});
    for (auto const& snapshot : task.keeps)
        keys.push_back({"keeps", {snapshot}});
    return keys;
}

std::string reader_key(std::string const& region, std::string const& reader)
{
    return region + '/' + reader;
}

std::string tag_key(std::string const& region, AccountId const& owner, std::string const& key,
                    std::string const& value)
{
    return fmt::format("{}/{}/{}={}", region, owner.text(), key, value);
}

std::string private_address(SubnetId const& subnet, std::string const& address)
{
    return subnet.text() + '/' + address;
}

Index const& Table::index(std::string_view wanted) const
{
    auto const found =
        std::ranges::find_if(indexes, [&](Index const& one) { return one.name == wanted; });
    VERIFY(found != indexes.end());
    return *found;
}

std::size_t Table::column(std::string_view wanted) const
{
    auto const found = std::ranges::find(columns, wanted);
    VERIFY(found != columns.end());
    return static_cast<std::size_t>(found - columns.begin());
}

std::vector<Value> columns_of(Account const& it) { return {it.id.text(), it.name, it.alias}; }
std::vector<Value> columns_of(AccessKey const& it) { return {it.id, it.account.text()}; }
std::vector<Value> columns_of(Image const& it)
{
    return {it.id.text(), it.region, it.owner.text(), it.name, state_word(it)};
}
std::vector<Value> columns_of(Snapshot const& it)
{
    return {it.id.text(), it.region, it.owner.text(), state_word(it)};
}
std::vector<Value> columns_of(Volume const& it)
{
    std::optional<std::string> instance;
    if (it.attachment)
        instance = it.attachment->instance.text();
    return {it.id.text(),   it.region, it.owner.text(),
            state_word(it), instance,  id_text(it.layers.base)};
}
std::vector<Value> columns_of(Instance const& it)
{
    return {it.id.text(), it.region, it.owner.text(), state_word(it)};
}
std::vector<Value> columns_of(KeyPair const& it)
{
    return {it.id.text(), it.region, it.owner.text(), it.name};
}
std::vector<Value> columns_of(SecurityGroup const& it)
{
    return {it.id.text(), it.region, it.owner.text(), it.vpc.text(), it.name};
}
std::vector<Value> columns_of(Vpc const& it) { return {it.id.text(), it.region, it.owner.text()}; }
std::vector<Value> columns_of(Subnet const& it)
{
    return {it.id.text(), it.region, it.owner.text()};
}
std::vector<Value> columns_of(Parameter const& it) { return {it.region, it.name, it.owner.text()}; }
std::vector<Value> columns_of(Task const& it)
{
    std::optional<long long> when;
    if (auto const time = due(it))
        when = column(*time);
    return {it.id, state_word(it), when, it.lease_host};
}

/// A task without a time of its own is due since it was made: else new work would always pass by
/// what was put off.
std::optional<Time> due(Task const& task)
{
    switch (task.state) {
    case TaskState::queued:
        return std::max(task.created, task.not_before);
    case TaskState::running:
        return task.lease_until;
    case TaskState::done:
    case TaskState::failed:
        return std::nullopt;
    }
    return std::nullopt;
}

std::string const& Row::text(std::size_t at) const
{
    static std::string const nothing;
    auto const& value = values.at(at);
    return value ? *value : nothing;
}

std::string selected(Table const& table)
{
    return fmt::format("{}, {}, doc, checksum", table.order, fmt::join(table.columns, ", "));
}

std::string label(Table const& table, Row const& row)
{
    auto key = row.text(1);
    for (std::size_t i = 2; i <= table.keys; ++i)
        key += "/" + row.text(i);
    for (auto& letter : key)
        if (letter < ' ' || letter > '~')
            letter = '?';
    std::string noun = table.name;
    std::replace(noun.begin(), noun.end(), '_', ' ');
    return fmt::format("{} {}", noun, key.substr(0, kLongestLabel));
}

Error damaged(Table const& table, Row const& row, std::string_view what)
{
    return {Fault::corrupt, table.noun,
            fmt::format("The catalog's row of {} is damaged ({}): run 'karat store check', then "
                        "restore a backup of the catalog or run 'karat store rebuild'",
                        label(table, row), what)};
}

Result<void> check_document(Sha256& sum, Table const& table, Row const& row)
{
    std::optional<std::string> const document[] = {row.values.at(row.values.size() - 2)};
    if (row_checksum(sum, table.name, document) != row.checksum())
        return damaged(table, row, "its checksum is wrong");
    return {};
}

std::optional<std::string> text_of(Value const& value)
{
    if (auto const* const number = std::get_if<0>(&value))
        return *number ? std::optional(std::to_string(**number)) : std::nullopt;
    return std::get<1>(value);
}

namespace {

bool is_text_of(Value const& value, std::optional<std::string> const& text)
{
    auto const* const held = std::get_if<1>(&value);
    return held != nullptr ? *held == text : text_of(value) == text;
}

} // namespace

Result<void> check_columns(Table const& table, Row const& row, std::span<Value const> expected)
{
    for (std::size_t i = 0; i < expected.size(); ++i)
        if (!is_text_of(expected[i], row.values.at(i + 1)))
            return damaged(
                table, row,
                fmt::format("its column '{}' is not what its document says", table.columns.at(i)));
    return {};
}

} // namespace karat::catalog
