// SPDX-License-Identifier: Apache-2.0
#include "admin.hpp"

#include "admin_overview.hpp"

#include "karat/json.hpp"
#include "karat/log.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::api {
namespace {

using Json = nlohmann::json;

enum class Pace : unsigned char { quick, slow };

struct AdminVerb {
    std::string_view path;
    Result<Json> (*run)(engine::Engine&, Json const&);
    Pace pace = Pace::quick;
};

/// A member of the request as text; empty when absent.
std::string text(Json const& request, char const* member)
{
    return request.value(member, std::string());
}

Json account_json(Account const& account)
{
    return {{"id", account.id.text()},
            {"name", account.name},
            {"alias", account.alias},
            {"created", format_time(account.created)}};
}

Result<Json> create_account(engine::Engine& engine, Json const& request)
{
    std::optional<AccountId> id;
    if (auto const wanted = text(request, "id"); !wanted.empty())
        id = TRY(AccountId::parse(wanted));
    auto const account =
        TRY(engine.create_account(text(request, "name"), text(request, "alias"), id));
    return account_json(account);
}

Result<Json> list_accounts(engine::Engine& engine, Json const&)
{
    auto const accounts = TRY(engine.accounts());
    Json list = Json::array();
    for (auto const& account : accounts)
        list.push_back(account_json(account));
    return Json{{"accounts", list}};
}

/// The one answer that holds a secret: the operator asked for a new key.
Result<Json> create_key(engine::Engine& engine, Json const& request)
{
    auto const account = TRY(engine.account_named(text(request, "account")));
    auto const key = TRY(engine.create_access_key(account.id));
    return Json{{"access_key_id", key.id},
                {"secret_access_key", key.secret.reveal()},
                {"account", account.id.text()}};
}

Result<Json> list_keys(engine::Engine& engine, Json const& request)
{
    auto const account = TRY(engine.account_named(text(request, "account")));
    auto const keys = TRY(engine.access_keys(account.id));
    Json list = Json::array();
    for (auto const& key : keys)
        list.push_back({{"access_key_id", key.id},
                        {"active", key.active},
                        {"created", format_time(key.created)}});
    return Json{{"keys", list}};
}

/// The account and region that a request names.
Result<engine::Caller> scope_of(engine::Engine& engine, Json const& request)
{
    auto const account = TRY(engine.account_named(text(request, "account")));
    return engine::Caller{account.id, request.value("region", engine.regions().front())};
}

Json encryption_key_json(keys::KeyFacts const& key)
{
    return {{"arn", key.arn()},
            {"alias", key.alias},
            {"state", key.enabled ? "enabled" : "disabled"},
            {"created", format_time(key.created)},
            {"description", key.description}};
}

Result<Json> create_encryption_key(engine::Engine& engine, Json const& request)
{
    auto const scope = TRY(scope_of(engine, request));
    auto const key = TRY(
        engine.create_encryption_key(scope, text(request, "alias"), text(request, "description")));
    return encryption_key_json(key);
}

Result<Json> list_encryption_keys(engine::Engine& engine, Json const& request)
{
    auto const scope = TRY(scope_of(engine, request));
    Json list = Json::array();
    for (auto const& key : TRY(engine.encryption_keys(scope)))
        list.push_back(encryption_key_json(key));
    return Json{{"keys", list}};
}

Result<Json> enable_encryption_key(engine::Engine& engine, Json const& request)
{
    auto const scope = TRY(scope_of(engine, request));
    auto const key = TRY(
        engine.enable_encryption_key(scope, text(request, "key"), request.value("enabled", true)));
    return encryption_key_json(key);
}

Result<Json> import_image(engine::Engine& engine, Json const& request)
{
    auto const scope = TRY(scope_of(engine, request));
    engine::ImportImage import;
    import.path = text(request, "path");
    if (auto const format = text(request, "format"); !format.empty())
        import.format = TRY(volumes::parse_format(format));
    import.name = text(request, "name");
    import.description = text(request, "description");
    import.boot_mode = text(request, "boot_mode");
    import.root_device_name = request.value("root_device_name", import.root_device_name);
    if (request.contains("size_gib"))
        import.size_gib = request.at("size_gib").get<std::uint64_t>();
    import.ssm_parameter = text(request, "ssm_parameter");
    import.is_public = request.value("public", false);
    if (request.contains("encrypted"))
        import.encryption.encrypted = request.at("encrypted").get<bool>();
    import.encryption.key = text(request, "encryption_key");
    auto const imported = TRY(engine.import_image(scope, import));
    return Json{{"image", imported.image.text()},
                {"snapshot", imported.snapshot.text()},
                {"task", imported.task}};
}

Result<Json> export_image(engine::Engine& engine, Json const& request)
{
    engine::ExportImage wanted;
    wanted.source = text(request, "source");
    wanted.device_name = text(request, "device_name");
    wanted.path = text(request, "path");
    wanted.form = TRY(volumes::parse_image_form(text(request, "format")));
    wanted.overwrite = request.value("overwrite", false);
    auto const started = TRY(engine.export_image(wanted));
    return Json{{"snapshot", started.snapshot.text()}, {"task", started.task}};
}

Result<Json> cancel_export(engine::Engine& engine, Json const& request)
{
    TRY(engine.cancel_export(request.value("task", std::int64_t{0})));
    return Json::object();
}

/// Images of an account, for finding out whether one was imported already.
Result<Json> list_images(engine::Engine& engine, Json const& request)
{
    auto const account = TRY(engine.account_named(text(request, "account")));
    auto const region = request.value("region", engine.regions().front());
    Json list = Json::array();
    engine::ImageSelection const own{.ids = {}, .owners = {"self"}};
    TRY(engine.images({account.id, region}, own,
                      [&](catalog::Ref<Image> const& image) -> Result<bool> {
                          list.push_back({{"id", image->id.text()},
                                          {"name", image->name},
                                          {"state", std::string(word(image->state))}});
                          return true;
                      }));
    return Json{{"images", list}};
}

Result<Json> show_task(engine::Engine& engine, Json const& request)
{
    auto const task = TRY(engine.task(request.value("task", std::int64_t{0})));
    return Json{{"kind", task.kind},
                {"subject", task.subject},
                {"state", std::string(word(task.state))},
                {"progress_percent", task.progress_percent},
                {"outcome", task.outcome}};
}

Result<Json> collect(engine::Engine& engine, Json const& request)
{
    if (request.value("clear_alarm", false))
        TRY(engine.clear_store_alarm());
    auto const report = TRY(engine.collect(request.value("epochs", engine::Engine::kEpochsToFree)));
    return Json{{"epoch", report.epoch},
                {"condemned_records", report.condemned_records},
                {"waiting_records", report.waiting_records},
                {"halted", report.halted},
                {"live_extents", report.live_extents},
                {"dead_extents", report.dead_extents},
                {"packs_removed", report.packs_removed},
                {"packs_rewritten", report.packs_rewritten},
                {"bytes_freed", report.bytes_freed},
                {"strays", report.strays}};
}

Result<Json> check(engine::Engine& engine, Json const&)
{
    auto const catalog = TRY(engine.check_catalog());
    auto const report = TRY(engine.check_store([](double) { return true; }));
    return Json{{"rows", catalog.rows},         {"catalog_damage", catalog.damage},
                {"extents", report.extents},    {"bytes", report.bytes},
                {"damage", report.damage},      {"only_checksummed", report.sealed},
                {"missing_keys", report.locked}};
}

Result<Json> check_catalog(engine::Engine& engine, Json const&)
{
    auto const catalog = TRY(engine.check_catalog());
    return Json{{"rows", catalog.rows}, {"catalog_damage", catalog.damage}};
}

Result<Json> back_up_catalog(engine::Engine& engine, Json const& request)
{
    auto const path = text(request, "path");
    TRY(engine.back_up_catalog(path));
    return Json{{"path", path}};
}

Result<Json> scrub(engine::Engine& engine, Json const& request)
{
    auto const task =
        TRY(engine.start_scrub({.mib_per_second = request.value("mib_per_second", std::uint64_t{0}),
                                .anew = request.value("anew", false)}));
    return Json{{"task", task}};
}

Result<Json> rebuild(engine::Engine& engine, Json const&)
{
    auto const rebuilt = TRY(engine.rebuild());
    Json snapshots = Json::array();
    for (auto const& id : rebuilt.snapshots)
        snapshots.push_back(id.text());
    Json accounts = Json::array();
    for (auto const& id : rebuilt.accounts)
        accounts.push_back(id.text());
    return Json{{"snapshots", snapshots},
                {"accounts", accounts},
                {"failed", rebuilt.failed},
                {"mended_rows", rebuilt.catalog.mended},
                {"dropped_rows", rebuilt.catalog.dropped},
                {"dropped_rows_in", rebuilt.catalog.kept_in}};
}

Json stats_json(blocks::Stats const& stats)
{
    return {{"snapshots", stats.snapshots},
            {"extents", stats.extents},
            {"packs", stats.packs},
            {"pack_bytes", stats.pack_bytes},
            {"plain_bytes", stats.plain_bytes},
            {"condemned_records", stats.condemned_records},
            {"alarms", stats.alarms},
            {"halted", stats.halted},
            {"read_only", stats.read_only},
            {"free_bytes", stats.free_bytes ? Json(*stats.free_bytes) : Json()},
            {"kept_free_bytes", stats.kept_free_bytes},
            {"refuses_new_data", stats.read_only || stats.is_short_of_room()}};
}

Result<Json> store_stats(engine::Engine& engine, Json const&)
{
    auto const status = TRY(engine.status());
    return stats_json(status.store);
}

Result<Json> store_cache(engine::Engine& engine, Json const&)
{
    auto const cached = TRY(engine.cached());
    Json list = Json::array();
    for (auto const& one : cached)
        list.push_back({{"snapshot", one.snapshot},
                        {"state", one.whole ? "whole" : "filling"},
                        {"bytes", one.filled_bytes},
                        {"full_bytes", one.full_bytes},
                        {"traced", one.traced}});
    return Json{{"cached", list}};
}

Result<Json> exchange_blk(engine::Engine& engine, Json const&)
{
    TRY(engine.exchange_blk());
    return Json{{"exchanged", 1}};
}

Result<Json> exchange_net(engine::Engine& engine, Json const& request)
{
    std::optional<InstanceId> only;
    if (auto const wanted = text(request, "instance"); !wanted.empty())
        only = TRY(InstanceId::parse(wanted));
    auto const count = TRY(engine.exchange_nets(only));
    return Json{{"exchanged", count}};
}

Result<Json> status(engine::Engine& engine, Json const&)
{
    auto const status = TRY(engine.status());
    return Json{{"accelerator", status.accelerator},
                {"accelerator_reason", status.accelerator_reason},
                {"isolation", status.isolated},
                {"isolation_missing", status.not_isolated},
                {"instances", status.instances},
                {"tasks", task_counts_json(status.tasks)},
                {"catalog_damage", status.catalog_damage},
                {"regions", engine.regions()},
                {"store", stats_json(status.store)},
                {"problems", status.problems}};
}

constexpr AdminVerb kVerbs[] = {
    {"/v1/account-create", create_account},
    {"/v1/account-list", list_accounts},
    {"/v1/key-create", create_key},
    {"/v1/key-list", list_keys},
    {"/v1/encryption-key-create", create_encryption_key},
    {"/v1/encryption-key-list", list_encryption_keys},
    {"/v1/encryption-key-enable", enable_encryption_key},
    {"/v1/image-import", import_image, Pace::slow},
    {"/v1/image-export", export_image, Pace::slow},
    {"/v1/export-cancel", cancel_export},
    {"/v1/image-list", list_images},
    {"/v1/instance-list", list_instances},
    {"/v1/task", show_task},
    {"/v1/task-list", list_tasks},
    {"/v1/store-gc", collect, Pace::slow},
    {"/v1/store-check", check, Pace::slow},
    {"/v1/catalog-check", check_catalog, Pace::slow},
    {"/v1/catalog-backup", back_up_catalog, Pace::slow},
    {"/v1/store-scrub", scrub},
    {"/v1/store-rebuild", rebuild, Pace::slow},
    {"/v1/store-stats", store_stats},
    {"/v1/store-cache", store_cache},
    {"/v1/exchange-blk", exchange_blk},
    {"/v1/exchange-net", exchange_net},
    {"/v1/status", status},
};

AdminVerb const* find_verb(std::string_view path)
{
    auto const* const verb = std::find_if(std::begin(kVerbs), std::end(kVerbs),
                                          [&](AdminVerb const& one) { return one.path == path; });
    return verb == std::end(kVerbs) ? nullptr : verb;
}

/// Names of files are whatever bytes the operator's system has: what is not UTF-8 is shown as such.
HttpReply json_reply(int code, Json const& json)
{
    return {.status = code,
            .content_type = "application/json",
            .body = json.dump(-1, ' ', false, Json::error_handler_t::replace),
            .headers = {},
            .known = true};
}

HttpReply error_reply(Error const& error)
{
    return json_reply(400, {{"fault", name(error.fault)}, {"message", error.message}});
}

} // namespace

HttpReply handle_admin(engine::Engine& engine, HttpRequest const& request)
{
    auto const* const verb = find_verb(request.path);
    if (verb == nullptr)
        return json_reply(404, {{"fault", "unknown"},
                                {"message", "The daemon has no such verb: " + request.path}});
    try { // nlohmann-json says with exceptions that a member has the wrong type
        auto const body = request.body.empty() ? Json::object() : Json::parse(request.body);
        auto const answer = verb->run(engine, body);
        log(Level::info, "admin", {{"verb", request.path}, {"ok", answer.ok() ? "yes" : "no"}});
        return answer.ok() ? json_reply(200, answer.value()) : error_reply(answer.error());
    } catch (Json::exception const& problem) {
        return error_reply(
            fail(Fault::invalid, fmt::format("The request is not the JSON that {} takes: {}",
                                             request.path, problem.what())));
    }
}

bool admin_takes_long(HttpRequest const& request)
{
    auto const* const verb = find_verb(request.path);
    return verb != nullptr && verb->pace == Pace::slow;
}

} // namespace karat::api
