// SPDX-License-Identifier: Apache-2.0
#include "karat/net_settings.hpp"

#include "karat/json.hpp"

namespace karat::net {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxRanges = 4096;
constexpr int kMaxHopLimit = 255;

Error unfit(std::string_view member)
{
    return fail(Fault::invalid, "The settings of karat-net lack a fit " + std::string(member));
}

Result<std::string> text_of(Json const& json, char const* member)
{
    auto const found = json.find(member);
    if (found == json.end() || !found->is_string())
        return unfit(member);
    return found->get<std::string>();
}

Result<int> number_of(Json const& json, char const* member)
{
    auto const found = json.find(member);
    if (found == json.end() || !found->is_number_integer())
        return unfit(member);
    return found->get<int>();
}

Result<std::vector<PortRange>> ranges_of(Json const& json)
{
    auto const found = json.find("open_ports");
    if (found == json.end() || !found->is_array() || found->size() > kMaxRanges)
        return unfit("open_ports");
    std::vector<PortRange> ranges;
    for (Json const& entry : *found) {
        PortRange range;
        range.protocol = TRY(text_of(entry, "protocol"));
        range.from = TRY(number_of(entry, "from"));
        range.to = TRY(number_of(entry, "to"));
        ranges.push_back(std::move(range));
    }
    return ranges;
}

/// What files of earlier versions lack.
Result<void> read_later_members(Json const& json, Settings& settings)
{
    if (json.contains("domain"))
        settings.domain = TRY(text_of(json, "domain"));
    if (json.contains("hop_limit"))
        settings.hop_limit = TRY(number_of(json, "hop_limit"));
    if (settings.hop_limit < 1 || settings.hop_limit > kMaxHopLimit)
        return unfit("hop_limit");
    auto const reach = json.find("guest_reaches_host");
    if (reach != json.end() && !reach->is_boolean())
        return unfit("guest_reaches_host");
    if (reach != json.end() && reach->get<bool>())
        settings.reach = Reach::anywhere;
    return {};
}

} // namespace

std::string to_json(Settings const& settings)
{
    auto ports = Json::array();
    for (PortRange const& range : settings.open_ports)
        ports.push_back({{"protocol", range.protocol}, {"from", range.from}, {"to", range.to}});
    Json const json = {
        {"instance", settings.instance},
        {"qemu_pid", settings.qemu_pid},
        {"net_socket", settings.net_socket},
        {"console_socket", settings.console_socket},
        {"console_ring", settings.console_ring},
        {"qemu_log", settings.qemu_log},
        {"pid_file", settings.pid_file},
        {"mac", settings.mac},
        {"private_ip", settings.private_ip},
        {"domain", settings.domain},
        {"subnet_cidr", settings.subnet_cidr},
        {"public_ip", settings.public_ip},
        {"imds_socket", settings.imds_socket},
        {"open_ports", ports},
        {"hop_limit", settings.hop_limit},
        {"guest_reaches_host", settings.reach == Reach::anywhere},
    };
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

Result<Settings> parse_settings(std::string_view text)
{
    auto const json = Json::parse(text, nullptr, false);
    if (!json.is_object())
        return fail(Fault::invalid, "The settings of karat-net are not a JSON object");
    Settings settings;
    settings.instance = TRY(text_of(json, "instance"));
    settings.qemu_pid = TRY(number_of(json, "qemu_pid"));
    settings.net_socket = TRY(text_of(json, "net_socket"));
    settings.console_socket = TRY(text_of(json, "console_socket"));
    settings.console_ring = TRY(text_of(json, "console_ring"));
    settings.qemu_log = TRY(text_of(json, "qemu_log"));
    settings.pid_file = TRY(text_of(json, "pid_file"));
    settings.mac = TRY(text_of(json, "mac"));
    settings.private_ip = TRY(text_of(json, "private_ip"));
    settings.subnet_cidr = TRY(text_of(json, "subnet_cidr"));
    settings.public_ip = TRY(text_of(json, "public_ip"));
    settings.imds_socket = TRY(text_of(json, "imds_socket"));
    settings.open_ports = TRY(ranges_of(json));
    TRY(read_later_members(json, settings));
    return settings;
}

} // namespace karat::net
