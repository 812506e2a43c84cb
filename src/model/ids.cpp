// SPDX-License-Identifier: Apache-2.0
#include "karat/ids.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace karat {
namespace {

bool lower_hex(std::string_view text)
{
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

} // namespace

char const* name(Noun noun)
{
    switch (noun) {
    case Noun::none:
        return "none";
    case Noun::image:
        return "image";
    case Noun::snapshot:
        return "snapshot";
    case Noun::volume:
        return "volume";
    case Noun::instance:
        return "instance";
    case Noun::reservation:
        return "reservation";
    case Noun::security_group:
        return "security group";
    case Noun::vpc:
        return "vpc";
    case Noun::subnet:
        return "subnet";
    case Noun::network_interface:
        return "network interface";
    case Noun::key_pair:
        return "key pair";
    case Noun::account:
        return "account";
    case Noun::access_key:
        return "access key";
    case Noun::region:
        return "region";
    case Noun::zone:
        return "availability zone";
    case Noun::instance_type:
        return "instance type";
    case Noun::parameter:
        return "parameter";
    case Noun::tag:
        return "tag";
    case Noun::task:
        return "task";
    case Noun::image_name:
        return "image name";
    case Noun::key_pair_name:
        return "key pair name";
    case Noun::security_group_name:
        return "security group name";
    case Noun::security_group_rule:
        return "security group rule";
    case Noun::block_device:
        return "block device";
    case Noun::user_data:
        return "user data";
    case Noun::action:
        return "action";
    case Noun::filter:
        return "filter";
    case Noun::page_token:
        return "page token";
    case Noun::signature:
        return "signature";
    case Noun::request:
        return "request";
    case Noun::device_name:
        return "device name";
    case Noun::volume_type:
        return "volume type";
    case Noun::volume_modification:
        return "volume modification";
    case Noun::attachment:
        return "attachment";
    case Noun::volume_size:
        return "volume size";
    case Noun::block:
        return "block";
    case Noun::block_token:
        return "block token";
    case Noun::combination:
        return "combination";
    case Noun::encryption_key:
        return "encryption key";
    case Noun::attribute_item:
        return "attribute item";
    case Noun::private_ip:
        return "private IP address";
    }
    return "?";
}

std::string_view id_prefix(Noun noun)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wswitch-enum" // only the nouns with ids of this form are listed
    switch (noun) {
    case Noun::image:
        return "ami-";
    case Noun::snapshot:
        return "snap-";
    case Noun::volume:
        return "vol-";
    case Noun::instance:
        return "i-";
    case Noun::reservation:
        return "r-";
    case Noun::security_group:
        return "sg-";
    case Noun::vpc:
        return "vpc-";
    case Noun::subnet:
        return "subnet-";
    case Noun::network_interface:
        return "eni-";
    case Noun::key_pair:
        return "key-";
    default:
        return "";
    }
#pragma GCC diagnostic pop
}

std::string absent(Noun noun, std::string_view id)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wswitch-enum" // the nouns that EC2 has words of their own for
    switch (noun) {
    case Noun::image:
        return fmt::format("The image id '[{}]' does not exist", id);
    case Noun::snapshot:
        return fmt::format("The snapshot '{}' does not exist.", id);
    case Noun::volume:
        return fmt::format("The volume '{}' does not exist.", id);
    case Noun::instance:
        return fmt::format("The instance ID '{}' does not exist", id);
    case Noun::vpc:
        return fmt::format("The vpc ID '{}' does not exist", id);
    case Noun::subnet:
        return fmt::format("The subnet ID '{}' does not exist", id);
    case Noun::network_interface:
        return fmt::format("The networkInterface ID '{}' does not exist", id);
    default:
        return fmt::format("The {} '{}' does not exist", name(noun), id);
    }
#pragma GCC diagnostic pop
}

Result<void> check_id(Noun noun, std::string_view text)
{
    auto const prefix = id_prefix(noun);
    auto const digits = text.size() > prefix.size() ? text.substr(prefix.size()) : "";
    bool const length_fits = digits.size() == 17 || digits.size() == 8;
    if (!text.starts_with(prefix) || !length_fits || !lower_hex(digits))
        return Error{
            Fault::invalid, noun,
            fmt::format("Invalid id: \"{}\" (expecting \"{}...\")", text.substr(0, 64), prefix)};
    return {};
}

Result<AccountId> AccountId::parse(std::string_view text)
{
    bool const digits =
        std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (text.size() != 12 || !digits)
        return Error{Fault::invalid, Noun::account,
                     fmt::format("'{}' is not an account id of twelve digits", text.substr(0, 64))};
    return AccountId(text);
}

AccountId AccountId::generate(Chance& chance)
{
    std::string digits;
    while (digits.size() < 12) {
        std::byte byte{};
        chance.fill({&byte, 1});
        auto const value = std::to_integer<int>(byte);
        if (value < 250) // no modulo bias
            digits += static_cast<char>('0' + value % 10);
    }
    return AccountId(digits);
}

} // namespace karat
