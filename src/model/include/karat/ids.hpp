// SPDX-License-Identifier: Apache-2.0
// Ids that cannot be mixed: Id<Noun> is made only by parse() or generate(), so a held id is well
// formed. The text form is EC2's: a prefix and seventeen lower-case hexadecimal digits (eight are
// accepted on input, as EC2 accepts its ids from before 2016).
#pragma once

#include "karat/env.hpp"
#include "karat/result.hpp"

#include <algorithm>
#include <array>
#include <compare>
#include <string>
#include <string_view>

namespace karat {

/// What an error is about, and what an id names.
enum class Noun : unsigned char {
    none,
    image,
    snapshot,
    volume,
    instance,
    reservation,
    security_group,
    vpc,
    subnet,
    network_interface,
    key_pair,
    // Nouns without an id of the prefixed form.
    account,
    access_key,
    region,
    zone,
    instance_type,
    parameter,
    tag,
    task,
    image_name,
    key_pair_name,
    security_group_name,
    security_group_rule,
    block_device,
    user_data,
    action,
    filter,
    page_token,
    signature,
    request,
    attachment,
    device_name,
    volume_type,
    volume_modification,
    volume_size,
    block,       ///< Of a snapshot, as EBS direct counts them.
    block_token, ///< Lets its holder read one block.
    combination, ///< Several parameters that do not go together.
    encryption_key,
    attribute_item, ///< What an attribute of an image is to hold: an account, a group.
    private_ip,
};

/// "image", "security_group", ...: for logs and goldens.
char const* name(Noun);

/// "ami-" for an image and so on; empty for nouns without ids of this form.
std::string_view id_prefix(Noun);

/// Fault::invalid about `noun` unless `text` has the form of one of its ids. Says nothing of
/// existence.
Result<void> check_id(Noun noun, std::string_view text);

template <Noun noun>
class Id {
public:
    static Result<Id> parse(std::string_view text)
    {
        TRY(check_id(noun, text));
        return Id(text.substr(id_prefix(noun).size()));
    }
    static Id generate(Chance& chance)
    {
        // Nine random bytes give eighteen digits; ids have seventeen.
        return Id(random_hex(chance, 9).substr(0, kDigits));
    }
    std::string text() const
    {
        auto const* const end = std::find(digits_.begin(), digits_.end(), '\0');
        return std::string(id_prefix(noun)).append(digits_.begin(), end);
    }
    auto operator<=>(Id const&) const = default; ///< As the texts compare.

private:
    static constexpr std::size_t kDigits = 17;

    explicit Id(std::string_view digits) { std::ranges::copy(digits, digits_.begin()); }

    std::array<char, kDigits> digits_{}; // not a text: the catalog holds them by the million
};

using ImageId = Id<Noun::image>;
using SnapshotId = Id<Noun::snapshot>;
using VolumeId = Id<Noun::volume>;
using InstanceId = Id<Noun::instance>;
using ReservationId = Id<Noun::reservation>;
using SecurityGroupId = Id<Noun::security_group>;
using VpcId = Id<Noun::vpc>;
using SubnetId = Id<Noun::subnet>;
using NetworkInterfaceId = Id<Noun::network_interface>;
using KeyPairId = Id<Noun::key_pair>;

/// "The instance ID 'i-…' does not exist": EC2's own words, which clients look for.
std::string absent(Noun noun, std::string_view id);

/// The Fault::not_found of an id, for absent and invisible things alike.
template <Noun noun>
Error not_found(Id<noun> const& id, Where where = {})
{
    return {Fault::not_found, noun, absent(noun, id.text()), where};
}

/// Twelve digits.
class AccountId {
public:
    static Result<AccountId> parse(std::string_view text);
    static AccountId generate(Chance& chance);
    std::string text() const { return {digits_.begin(), digits_.end()}; }
    auto operator<=>(AccountId const&) const = default;

private:
    explicit AccountId(std::string_view digits) { std::ranges::copy(digits, digits_.begin()); }

    std::array<char, 12> digits_{};
};

} // namespace karat
