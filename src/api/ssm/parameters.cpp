// SPDX-License-Identifier: Apache-2.0
// Reading public parameters: how callers find the newest image of a distribution.
#include "handlers.hpp"
#include "pages.hpp"

#include "karat/text.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat::api::ssm {
namespace {

constexpr std::size_t kMaxNames = 10;

/// A name as GetParameter takes it: a parameter's name or ARN, and maybe ":" and a version.
struct Selection {
    std::string name;
    std::string selector; ///< ":3", or empty.
};

Selection selection_of(std::string const& text)
{
    constexpr std::string_view kArnStart = "arn:aws:ssm:";
    constexpr std::string_view kArnMiddle = ":parameter/";
    auto name = text;
    if (auto const at = name.find(kArnMiddle); name.starts_with(kArnStart) && at != name.npos)
        name = name.substr(at + kArnMiddle.size() - 1); // the slash is the name's first character
    auto const colon = name.find(':');
    if (colon == std::string::npos)
        return {name, ""};
    return {name.substr(0, colon), name.substr(colon)};
}

/// Whether the selector names this version. Labels are not kept here, so none matches.
bool selects(std::string const& selector, Parameter const& parameter)
{
    if (selector.empty())
        return true;
    return number_of<int>(std::string_view(selector).substr(1)) == parameter.version;
}

wire::ssm::Parameter wire_parameter(Parameter const& parameter)
{
    // Public parameters have no account in their ARN, and the name's slash is the ARN's.
    auto const slash = parameter.name.starts_with('/') ? "" : "/";
    return {.name = parameter.name,
            .type = parameter.type,
            .value = parameter.value,
            .version = parameter.version,
            .last_modified_date = parameter.modified,
            .arn = fmt::format("arn:aws:ssm:{}::parameter{}{}", parameter.region, slash,
                               parameter.name),
            .data_type = parameter.data_type};
}

Result<std::optional<wire::ssm::Parameter>>
find(engine::Engine& engine, engine::Caller const& caller, std::string const& text)
{
    auto const selection = selection_of(text);
    auto const found = TRY(engine.parameter(caller, selection.name));
    if (!found || !selects(selection.selector, *found))
        return std::optional<wire::ssm::Parameter>();
    auto reply = wire_parameter(*found);
    if (!selection.selector.empty())
        reply.selector = selection.selector;
    return std::optional(std::move(reply));
}

/// Of the keys that a ParameterFilter has, only Type means something for public parameters: there
/// are no labels, and no keys to encrypt with.
Result<void> check(wire::ssm::ParameterStringFilter const& filter)
{
    if (filter.key != "Type" && filter.key != "KeyId" && filter.key != "Label")
        return Error{Fault::unknown, Noun::filter,
                     fmt::format("The filter '{}' is invalid", filter.key.substr(0, 128))};
    auto const option = filter.option.value_or("Equals");
    if (option != "Equals" && option != "BeginsWith")
        return Error{Fault::invalid, Noun::filter,
                     fmt::format("The option '{}' of the filter '{}' is invalid",
                                 option.substr(0, 64), filter.key)};
    return {};
}

bool passes(wire::ssm::ParameterStringFilter const& filter, Parameter const& parameter)
{
    bool const whole = filter.option.value_or("Equals") == "Equals";
    return filter.key == "Type" &&
           std::ranges::any_of(filter.values, [&](std::string const& value) {
               return whole ? parameter.type == value : parameter.type.starts_with(value);
           });
}

} // namespace

Result<wire::ssm::GetParameterResult> get_parameter(Desk const& desk,
                                                    wire::ssm::GetParameterRequest const& request)
{
    auto const found = TRY(find(desk.engine, desk.caller, request.name));
    if (!found)
        return Error{
            Fault::not_found, Noun::parameter,
            fmt::format("The parameter '{}' does not exist", request.name.substr(0, 2048))};
    return wire::ssm::GetParameterResult{.parameter = found};
}

Result<wire::ssm::GetParametersResult>
get_parameters(Desk const& desk, wire::ssm::GetParametersRequest const& request)
{
    if (request.names.empty() || request.names.size() > kMaxNames)
        return fail(Fault::invalid, fmt::format("Names has 1 to {} names, not {}", kMaxNames,
                                                request.names.size()));
    wire::ssm::GetParametersResult result;
    for (auto const& name : request.names) {
        if (auto found = TRY(find(desk.engine, desk.caller, name)))
            result.parameters.push_back(std::move(*found));
        else
            result.invalid_parameters.push_back(name);
    }
    return result;
}

Result<wire::ssm::GetParametersByPathResult>
get_parameters_by_path(Desk const& desk, wire::ssm::GetParametersByPathRequest const& request)
{
    if (!request.path.starts_with('/'))
        return fail(Fault::invalid, fmt::format("The path '{}' does not begin with a slash",
                                                request.path.substr(0, 2048)));
    for (auto const& filter : request.parameter_filters)
        TRY(check(filter));
    auto page =
        TRY(Page::begin(desk, "GetParametersByPath", request.max_results, request.next_token));
    wire::ssm::GetParametersByPathResult result;
    auto const visit = [&](catalog::Ref<Parameter> const& parameter) -> Result<bool> {
        bool const wanted = std::ranges::all_of(request.parameter_filters, [&](auto const& filter) {
            return passes(filter, *parameter);
        });
        if (!wanted)
            return true;
        if (!page.take({.text = parameter->name}))
            return false;
        result.parameters.push_back(wire_parameter(*parameter));
        return true;
    };
    TRY(desk.engine.parameters_below(desk.caller, request.path, request.recursive.value_or(false),
                                     page.after().text, visit));
    result.next_token = page.next_token();
    return result;
}

} // namespace karat::api::ssm
