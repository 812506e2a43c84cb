// SPDX-License-Identifier: Apache-2.0
#include "script.hpp"

#include "reply_text.hpp"
#include "rest_call.hpp"
#include "script_text.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <regex>

namespace karat::testing {
namespace {

constexpr std::uint64_t kLittleRoom = 1 << 20; ///< Less than the daemon keeps free.

std::string print_fault(Error const& error)
{
    return fmt::format("! {} {}\n", karat::name(error.fault), error.message);
}

std::string print_fault(Result<void> const& outcome)
{
    return outcome.ok() ? "" : print_fault(outcome.error());
}

std::string print_disks(std::optional<compute::Machine> const& machine)
{
    std::string text;
    for (auto const& disk : machine ? machine->disks : decltype(machine->disks){})
        text += fmt::format("{} {} GiB, overlays {}, over {}\n", disk.volume.text(),
                            disk.size_bytes / kGiB, disk.overlays.size(),
                            disk.backing ? disk.backing->name : "nothing");
    return text.empty() ? "(none)\n" : text;
}

/// Where a qcow2 header says something, and what somebody who has taken QEMU over lets it say.
struct Forgery {
    std::string_view name;
    std::uint64_t at;
    std::array<unsigned char, 8> bytes;
};
constexpr Forgery kForgeries[] = {
    {"backing", 8, {0, 0, 0, 0, 0, 0, 2, 0}}, // the name of a backing file begins at byte 512
    {"size", 24, {0, 0, 1, 0, 0, 0, 0, 0}},   // a disk of 1 TiB
    {"data-file", 72, {0, 0, 0, 0, 0, 0, 0, 0x14}},
};

/// The machine's QEMU is somebody else's now, who writes into the header of its first disk.
Result<void> rewrite_header(Files& files, std::optional<compute::Machine> const& machine,
                            std::string_view what)
{
    auto const* const forgery = std::ranges::find(kForgeries, what, &Forgery::name);
    VERIFY(machine && forgery != std::end(kForgeries));
    auto const file = TRY(files.open(machine->disks.front().overlays.back(), Access::write));
    TRY(file->write_at(512, as_bytes("/etc/shadow")));
    return file->write_at(forgery->at, std::as_bytes(std::span(forgery->bytes)));
}

} // namespace

std::string Script::run(Block const& block)
{
    std::string printed;
    std::string command;
    for (auto const& line : block.head) {
        command += line;
        if (command.ends_with("\\")) { // goes on in the next line
            command.pop_back();
            continue;
        }
        printed += with_names(run_line(std::exchange(command, {})));
    }
    return printed;
}

std::string Script::run_line(std::string const& line)
{
    auto words = split_words(line);
    if (words.empty())
        return {};
    bool const is_let = words[0] == "let";
    for (std::size_t i = is_let ? 2 : 0; i < words.size(); ++i)
        words[i] = with_values(words[i]);
    return run_words(std::move(words));
}

std::string Script::run_words(Words words)
{
    auto const verb = words.front();
    words.erase(words.begin());
    if (verb == "restart")
        return restart(words);
    if (!world_->runs())
        return "? the daemon did not start\n";
    if (verb == "call")
        return call(words);
    if (verb == "let")
        return let(words);
    if (verb == "as")
        return as(words);
    if (verb == "import")
        return import(words);
    if (verb == "work")
        return work(words);
    if (verb == "clock")
        return clock(words);
    if (verb == "fault")
        return fault(words);
    if (verb == "guest")
        return guest(words);
    if (verb == "key")
        return key(words);
    if (verb == "store")
        return store();
    if (verb == "collect")
        return collect();
    if (verb == "check")
        return check();
    if (verb == "tasks")
        return tasks();
    return "? there is no word '" + verb + "'\n";
}

std::string Script::call(Words const& words, std::string* first_value)
{
    auto const bar = std::find(words.begin(), words.end(), "|");
    Words const params(words.begin() + 1, bar);
    Words const paths(bar == words.end() ? bar : bar + 1, words.end());
    auto const& action = words.front();
    auto const who = caller();
    if (!who.ok())
        return print_fault(who.error());
    bool const rest = is_rest_action(action);
    auto const reply = world_->dispatcher().handle_as(
        who.value(), rest ? "ebs" : std::string(service_of(action)),
        rest ? make_rest_call(action, params) : make_call(action, params));
    for (auto const* const path : {"/data/", "/disks/", "/run/"})
        if (reply.body.find(path) != std::string::npos)
            return fmt::format("? the reply names a path of this host: {}\n", reply.body);
    if (reply.status >= 300)
        return rest ? print_rest_error(reply) : print_error(reply);
    auto const node = rest ? read_rest_reply(reply) : read_reply(reply);
    if (paths.empty())
        return print_whole(node);
    auto text = print_members(node, paths);
    if (first_value != nullptr) {
        *first_value = text.substr(0, text.find_first_of(" ,\n"));
        return {};
    }
    return text.empty() ? "(none)\n" : text;
}

std::string Script::let(Words const& words)
{
    if (words.size() == 3) { // let $x = ami-#1
        name(words[2], words[0]);
        return {};
    }
    std::string value;
    auto const error = call(Words(words.begin() + 2, words.end()), &value);
    if (!value.empty())
        name(value, words[0]);
    return error;
}

std::string Script::as(Words const& words)
{
    auto const at = words[0].find('@');
    account_ = words[0].substr(0, at);
    region_ = at == std::string::npos ? "us-east-1" : words[0].substr(at + 1);
    auto const known = caller();
    return known.ok() ? "" : print_fault(known.error());
}

std::string Script::import(Words const& words)
{
    engine::ImportImage request;
    for (auto const& word : words) {
        if (word == "public")
            request.is_public = true;
        if (word.starts_with("parameter="))
            request.ssm_parameter = word.substr(10);
    }
    auto const who = caller();
    if (!who.ok())
        return print_fault(who.error());
    auto const made = world_->import(who.value(), words[0], read_size(words[1]), request);
    if (!made.ok())
        return print_fault(made.error());
    name(made.value().image.text(), "$" + words[0]);
    name(made.value().snapshot.text(), "$" + words[0] + "-disk");
    return {};
}

std::string Script::work(Words const& words)
{
    if (words.empty())
        return print_fault(world_->work());
    for (auto left = read_size(words[0]); left > 0; --left) {
        auto const worked = world_->engine().work_once();
        if (!worked.ok())
            return print_fault(worked.error());
    }
    return {};
}

std::string Script::restart(Words const& words)
{
    bool const crash = !words.empty() && words[0] == "crash";
    return print_fault(world_->restart(crash ? Stop::power : Stop::daemon));
}

std::string Script::clock(Words const& words)
{
    if (words[0] == "jump")
        world_->env().clock.jump(read_duration(words[1]));
    else
        world_->env().clock.advance(read_duration(words[0]));
    return {};
}

std::string Script::fault(Words const& words)
{
    if (words[0] == "none")
        world_->heal();
    else if (words[0] == "disk")
        return print_fault(world_->fill_disk(words[1] == "full" ? 0 : kLittleRoom));
    else if (words[0] == "sync")
        world_->break_sync(words.size() > 1 ? words[1] : "");
    else if (words[0] == "hypervisor")
        world_->hypervisor().fail_next(words[1], words.size() > 2 ? Fault::unsupported : Fault::io);
    else
        return "? there is no fault '" + words[0] + "'\n";
    return {};
}

std::string Script::guest(Words const& words)
{
    if (words[0] == "deaf" || words[0] == "hears") {
        world_->hypervisor().set_obedient(words[0] == "hears");
        return {};
    }
    auto const id = InstanceId::parse(words[0]);
    if (!id.ok())
        return print_fault(id.error());
    if (words[1] == "stalls" || words[1] == "goes-on")
        world_->hypervisor().set_stalled(id.value(), words[1] == "stalls");
    else if (words[1] == "dies")
        world_->hypervisor().die(id.value());
    else if (words[1] == "shuts-down")
        world_->hypervisor().shut_down(id.value());
    else if (words[1] == "prints")
        world_->hypervisor().print(id.value(), words[2] + "\n");
    else if (words[1] == "forges")
        return print_fault(rewrite_header(world_->env().files,
                                          world_->hypervisor().machine(id.value()), words[2]));
    else if (words[1] == "power")
        return world_->hypervisor().machine(id.value()) ? "running\n" : "off\n";
    else if (words[1] == "disks")
        return print_disks(world_->hypervisor().machine(id.value()));
    else if (words[1] == "ports") {
        std::string text;
        auto const machine = world_->hypervisor().machine(id.value());
        for (auto const& open :
             machine ? machine->nic.open_ports : decltype(machine->nic.open_ports){})
            text += fmt::format("{} {}-{}\n", open.protocol, open.from, open.to);
        return text.empty() ? "(none)\n" : text;
    }
    return {};
}

std::string Script::key(Words const& words)
{
    auto const who = caller();
    if (!who.ok())
        return print_fault(who.error());
    if (words[0] == "file") {
        auto const done = words[1] == "lost" ? world_->lose_keys() : world_->put_keys_back();
        return done.ok() ? "" : print_fault(done.error());
    }
    auto const facts =
        words[0] == "create"
            ? world_->engine().create_encryption_key(who.value(), words[1], "")
            : world_->engine().enable_encryption_key(who.value(), words[1], words[0] == "enable");
    return facts.ok() ? facts.value().arn() + "\n" : print_fault(facts.error());
}

std::string Script::store()
{
    auto const stats = world_->store().stats();
    if (!stats.ok())
        return print_fault(stats.error());
    return fmt::format("{} snapshots, {} KiB{}\n", stats.value().snapshots,
                       stats.value().plain_bytes / 1024,
                       stats.value().read_only ? ", read-only" : "");
}

std::string Script::collect()
{
    auto const report = world_->engine().collect();
    return report.ok() ? std::string() : print_fault(report.error());
}

std::string Script::check()
{
    auto const damage = world_->damage();
    if (!damage.ok())
        return print_fault(damage.error());
    return damage.value().empty() ? "good\n" : fmt::format("{}\n", fmt::join(damage.value(), "\n"));
}

std::string Script::tasks()
{
    auto const open = world_->open_tasks();
    if (!open.ok())
        return print_fault(open.error());
    std::string text;
    for (auto const& task : open.value())
        text += fmt::format("{} {} {}\n", task.kind, task.subject, word(task.state));
    return text.empty() ? "(none)\n" : text;
}

Result<engine::Caller> Script::caller()
{
    auto const known = TRY(world_->caller(account_, region_));
    name(known.account.text(), "$" + account_);
    return known;
}

void Script::name(std::string const& value, std::string const& name)
{
    names_[value] = name;
    values_[name] = value;
}

std::string Script::with_values(std::string text) const
{
    static std::regex const shape(R"(\$[\w-]+|\b[a-z]+-#\d+)");
    std::string result;
    std::smatch match;
    while (std::regex_search(text, match, shape)) {
        auto const known = values_.find(match[0]);
        result += match.prefix().str() + (known == values_.end() ? match[0].str() : known->second);
        text = match.suffix();
    }
    return result + text;
}

std::string Script::with_names(std::string const& text)
{
    static std::regex const shape(R"(\barn:aws:kms:[a-z0-9-]+:\d{12}:(key)/[0-9a-f-]{36}\b|)"
                                  R"(\b([a-z]+)-[0-9a-f]{17}\b|\b\d{12}\b)");
    std::string result;
    auto rest = text;
    for (std::smatch match; std::regex_search(rest, match, shape); rest = match.suffix()) {
        auto const id = match[0].str();
        auto const kind = match[1].str() + match[2].str();
        if (!kind.empty() && !names_.contains(id))
            name(id, fmt::format("{}-#{}", kind, ++counts_[kind]));
        auto const known = names_.find(id);
        result += match.prefix().str() + (known == names_.end() ? id : known->second);
    }
    return result + rest;
}

} // namespace karat::testing
