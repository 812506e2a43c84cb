// SPDX-License-Identifier: Apache-2.0
#include "life.hpp"

#include "script_text.hpp"

#include <fmt/format.h>

namespace karat::testing {
namespace {

constexpr std::size_t kRememberedLines = 60;
constexpr std::uint64_t kDiskBytes = 256 << 10;

/// The texts of all members of this name, wherever they are.
void find_all(Node const& node, std::string_view name, std::vector<std::string>& texts)
{
    if (node.name == name && !node.text.empty())
        texts.push_back(node.text);
    for (auto const& child : node.children)
        find_all(child, name, texts);
}

std::vector<std::string> all_of(Node const& node, std::string_view name)
{
    std::vector<std::string> texts;
    find_all(node, name, texts);
    return texts;
}

} // namespace

Result<std::unique_ptr<Life>> Life::begin(std::uint64_t seed)
{
    auto life = std::unique_ptr<Life>(new Life(seed));
    life->world_ = TRY(World::create(seed));
    return life;
}

std::vector<Life::Step> const& Life::steps()
{
    static std::vector<Step> const all{{3, &Life::import},
                                       {6, &Life::run_instances},
                                       {8, &Life::change_power},
                                       {3, &Life::create_volume},
                                       {5, &Life::attach},
                                       {4, &Life::unplug},
                                       {2, &Life::delete_volume},
                                       {2, &Life::modify_volume},
                                       {4, &Life::create_snapshot},
                                       {2, &Life::copy_snapshot},
                                       {3, &Life::delete_snapshot},
                                       {4, &Life::create_image},
                                       {2, &Life::register_image},
                                       {2, &Life::deregister_image},
                                       {2, &Life::share},
                                       {2, &Life::tag},
                                       {3, &Life::ask},
                                       {3, &Life::guest},
                                       {20, &Life::work},
                                       {3, &Life::pass_time},
                                       {2, &Life::restart},
                                       {3, &Life::break_something},
                                       {3, &Life::heal},
                                       {2, &Life::collect}};
    return all;
}

std::size_t Life::below(std::size_t bound)
{
    std::array<std::byte, 4> bytes{};
    chance_.fill(bytes);
    std::size_t number = 0;
    for (auto const byte : bytes)
        number = number << 8 | std::to_integer<std::size_t>(byte);
    return number % bound;
}

void Life::live(int count)
{
    import();
    work();
    std::size_t total = 0;
    for (auto const& step : steps())
        total += static_cast<std::size_t>(step.weight);
    for (int i = 0; i < count; ++i) {
        auto chosen = below(total);
        for (auto const& step : steps()) {
            auto const weight = static_cast<std::size_t>(step.weight);
            if (chosen < weight) {
                if (world_->runs() || step.run == &Life::restart || step.run == &Life::heal)
                    (this->*step.run)();
                break;
            }
            chosen -= weight;
        }
    }
    settle();
    check_end();
}

void Life::note(std::string line)
{
    lines_.push_back(std::move(line));
    if (lines_.size() > kRememberedLines)
        lines_.pop_front();
}

std::string Life::last_steps() const { return fmt::format("{}\n", fmt::join(lines_, "\n")); }

void Life::complain(std::string sentence)
{
    complaints_.push_back(fmt::format("seed {}: {}", seed_, sentence));
}

std::string Life::any(std::string const& prefix, bool asks_for_its_end)
{
    std::vector<std::string> fitting;
    for (auto const& [id, made] : made_)
        if (id.starts_with(prefix))
            fitting.push_back(id);
    if (fitting.empty() || one_in(40))
        return prefix + "0123456789abcdef0";
    auto const from_the_end = std::min(below(fitting.size()), below(fitting.size()));
    auto const& id = fitting[fitting.size() - 1 - from_the_end];
    made_[id].may_be_gone = made_[id].may_be_gone || asks_for_its_end;
    return id;
}

api::Reply Life::call(std::string const& action, Params params)
{
    bool const is_rehearsal = one_in(30) && !action.starts_with("Describe");
    if (is_rehearsal)
        params.push_back("DryRun=true");
    note(fmt::format("{}: {} {}", account_, action, fmt::join(params, " ")));
    auto const caller = world_->caller(account_, "us-east-1");
    if (!caller.ok())
        return {.status = 503};
    auto const reply =
        world_->dispatcher().handle_as(caller.value(), "ec2", make_call(action, params));
    lines_.back() += fmt::format(" -> {}", reply.status);
    if (reply.status >= 500 && !is_broken_)
        complain(fmt::format("{} answers {}", action, print_error(reply)));
    if (is_rehearsal && reply.status == 200)
        complain(fmt::format("{} with DryRun answers 200", action));
    if (reply.status == 200)
        note_made(action, read_reply(reply));
    return reply;
}

void Life::note_made(std::string const& action, Node const& reply)
{
    static std::map<std::string, std::string> const members{
        {"RunInstances", "instanceId"},   {"CreateVolume", "volumeId"},
        {"CreateSnapshot", "snapshotId"}, {"CopySnapshot", "snapshotId"},
        {"CreateImage", "imageId"},       {"RegisterImage", "imageId"}};
    auto const member = members.find(action);
    if (member == members.end())
        return;
    for (auto const& id : all_of(reply, member->second)) {
        made_.try_emplace(id, Made{.account = account_});
        note("  made " + id);
    }
}

void Life::import()
{
    auto const caller = world_->caller(account_, "us-east-1");
    if (!caller.ok())
        return;
    auto const name = fmt::format("disk-{}", names_++);
    note("import " + name);
    auto const imported = world_->import(caller.value(), name, kDiskBytes, {});
    if (!imported.ok() && !is_broken_)
        complain("import: " + imported.error().message);
    if (!imported.ok())
        return;
    made_[imported.value().image.text()] = {.account = account_};
    made_[imported.value().snapshot.text()] = {.account = account_};
}

void Life::run_instances()
{
    Params params{"ImageId=" + any("ami-"), "MinCount=1", fmt::format("MaxCount={}", 1 + below(2))};
    if (one_in(3)) {
        params.push_back("BlockDeviceMapping.1.DeviceName=/dev/sdf");
        params.push_back("BlockDeviceMapping.1.Ebs.VolumeSize=1");
        params.push_back(fmt::format("BlockDeviceMapping.1.Ebs.DeleteOnTermination={}", one_in(2)));
    }
    std::string token;
    if (one_in(3)) {
        token = fmt::format("token-{}", below(4));
        params = {params[0], params[1], "MaxCount=1", "ClientToken=" + token};
    }
    auto const reply = call("RunInstances", params);
    if (reply.status != 200 || token.empty())
        return;
    auto const ids = fmt::format("{}", fmt::join(all_of(read_reply(reply), "instanceId"), " "));
    auto const [known, fresh] = outcomes_.try_emplace(account_ + token + params[0], ids);
    if (!fresh && known->second != ids)
        complain(fmt::format("the token {} made {} and {}", token, known->second, ids));
}

void Life::change_power()
{
    static char const* const actions[] = {"StopInstances", "StartInstances", "RebootInstances",
                                          "TerminateInstances"};
    auto const* const action = actions[std::min(below(5), std::size_t{3})];
    Params params{"InstanceId.1=" + any("i-")};
    if (one_in(4) && (action == actions[0]))
        params.push_back("Force=true");
    call(action, params);
}

void Life::create_volume()
{
    Params params{"AvailabilityZone=us-east-1a", fmt::format("Size={}", 1 + below(2))};
    if (one_in(2))
        params.push_back("SnapshotId=" + any("snap-"));
    call("CreateVolume", params);
}

void Life::attach()
{
    call("AttachVolume", {"VolumeId=" + any("vol-"), "InstanceId=" + any("i-"),
                          fmt::format("Device=/dev/sd{}", static_cast<char>('f' + below(4)))});
}

void Life::unplug()
{
    Params params{"VolumeId=" + any("vol-")};
    if (one_in(3))
        params.push_back("Force=true");
    call("DetachVolume", params);
}

void Life::delete_volume() { call("DeleteVolume", {"VolumeId=" + any("vol-", true)}); }

void Life::modify_volume()
{
    call("ModifyVolume", {"VolumeId=" + any("vol-"), fmt::format("Size={}", 2 + below(3))});
}

void Life::create_snapshot()
{
    if (one_in(4))
        call("CreateSnapshots", {"InstanceSpecification.InstanceId=" + any("i-")});
    else
        call("CreateSnapshot", {"VolumeId=" + any("vol-")});
}

void Life::copy_snapshot()
{
    call("CopySnapshot", {"SourceRegion=us-east-1", "SourceSnapshotId=" + any("snap-")});
}

void Life::delete_snapshot() { call("DeleteSnapshot", {"SnapshotId=" + any("snap-", true)}); }

void Life::create_image()
{
    call("CreateImage", {"InstanceId=" + any("i-"), fmt::format("Name=image-{}", below(30)),
                         one_in(2) ? "NoReboot=true" : "NoReboot=false"});
}

void Life::register_image()
{
    call("RegisterImage", {fmt::format("Name=image-{}", below(30)), "Architecture=x86_64",
                           "RootDeviceName=/dev/sda1", "BlockDeviceMapping.1.DeviceName=/dev/sda1",
                           "BlockDeviceMapping.1.Ebs.SnapshotId=" + any("snap-")});
}

void Life::deregister_image()
{
    bool const with_snapshots = one_in(2);
    if (with_snapshots) // which ones, the call says
        for (auto& [id, made] : made_)
            made.may_be_gone = made.may_be_gone || id.starts_with("snap-");
    call("DeregisterImage",
         {"ImageId=" + any("ami-", true),
          with_snapshots ? "DeleteAssociatedSnapshots=true" : "DeleteAssociatedSnapshots=false"});
}

void Life::share()
{
    call("ModifyImageAttribute",
         {"ImageId=" + any("ami-"),
          one_in(2) ? "LaunchPermission.Add.1.Group=all" : "LaunchPermission.Remove.1.Group=all"});
    account_ = one_in(2) ? "alice" : "bob";
}

void Life::tag()
{
    static char const* const kinds[] = {"ami-", "i-", "vol-", "snap-"};
    call(one_in(3) ? "DeleteTags" : "CreateTags",
         {"ResourceId.1=" + any(kinds[below(4)]), fmt::format("Tag.1.Key=k{}", below(3)),
          fmt::format("Tag.1.Value=v{}", below(3))});
}

void Life::ask()
{
    static char const* const actions[] = {"DescribeImages", "DescribeInstances", "DescribeVolumes",
                                          "DescribeSnapshots", "DescribeTags"};
    call(actions[below(5)], {"MaxResults=5"});
}

} // namespace karat::testing
