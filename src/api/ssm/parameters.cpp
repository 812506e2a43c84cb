// SPDX-License-Identifier: Apache-2.0
// Reading public parameters: how callers find the newest image of a distribution.
#include "handlers.hpp"

#include "ec2/common.hpp"

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

/// Keeps the parameters that pass a ParameterFilter. Of the keys that the call has, only Type means
/// something for public parameters: there are no labels, and no keys to encrypt with.
Result<void> apply(wire::ssm::ParameterStringFilter const& filter, std::vector<Parameter>& list)
{
    if (filter.key != "Type" && filter.key != "KeyId" && filter.key != "Label")
        return Error{Fault::unknown, Noun::filter,
                     fmt::format("The filter '{}' is invalid", filter.key.substr(0, 128))};
    auto const option = filter.option.value_or("Equals");
    if (option != "Equals" && option != "BeginsWith")
        return Error{Fault::invalid, Noun::filter,
                     fmt::format("The option '{}' of the filter '{}' is invalid",
                                 option.substr(0, 64), filter.key)};
    std::erase_if(list, [&](Parameter const& parameter) {
        return filter.key != "Type" ||
               std::none_of(filter.values.begin(), filter.values.end(),
                            [&](std::string const& value) {
                                return option == "Equals" ? parameter.type == value
                                                          : parameter.type.starts_with(value);
                            });
    });
    return {};
}

} // namespace

Result<wire::ssm::GetParameterResult> get_parameter(engine::Engine& engine,
                                                    engine::Caller const& caller,
                                                    wire::ssm::GetParameterRequest const& request)
{
    auto const found = TRY(find(engine, caller, request.name));
    if (!found)
        return Error{
            Fault::not_found, Noun::parameter,
            fmt::format("The parameter '{}' does not exist", request.name.substr(0, 2048))};
    return wire::ssm::GetParameterResult{.parameter = found};
}

Result<wire::ssm::GetParametersResult>
get_parameters(engine::Engine& engine, engine::Caller const& caller,
               wire::ssm::GetParametersRequest const& request)
{
    if (request.names.empty() || request.names.size() > kMaxNames)
        return fail(Fault::invalid, fmt::format("Names has 1 to {} names, not {}", kMaxNames,
                                                request.names.size()));
    wire::ssm::GetParametersResult result;
    for (auto const& name : request.names) {
        if (auto found = TRY(find(engine, caller, name)))
            result.parameters.push_back(std::move(*found));
        else
            result.invalid_parameters.push_back(name);
    }
    return result;
}

Result<wire::ssm::GetParametersByPathResult>
get_parameters_by_path(engine::Engine& engine, engine::Caller const& caller,
                       wire::ssm::GetParametersByPathRequest const& request)
{
    if (!request.path.starts_with('/'))
        return fail(Fault::invalid, fmt::format("The path '{}' does not begin with a slash",
                                                request.path.substr(0, 2048)));
    auto all =
        TRY(engine.parameters_below(caller, request.path, request.recursive.value_or(false)));
    for (auto const& filter : request.parameter_filters)
        TRY(apply(filter, all));
    std::vector<wire::ssm::Parameter> parameters;
    for (auto const& parameter : all)
        parameters.push_back(wire_parameter(parameter));
    wire::ssm::GetParametersByPathResult result;
    result.parameters =
        TRY(ec2::cut_to_page(std::move(parameters), {request.max_results, request.next_token},
                             ec2::at<&wire::ssm::Parameter::name>, result.next_token));
    return result;
}

} // namespace karat::api::ssm
