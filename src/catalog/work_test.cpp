// SPDX-License-Identifier: Apache-2.0
// The arguments of tasks: written and read through one door, in today's form and in release 0.1's.
#include "fixture.hpp"

#include "work_members.hpp"

#include "karat/tasks.hpp"

namespace karat::catalog {
namespace {

constexpr char const* kArguments =
    R"({"instance": "i-0000000a", "volume": "vol-0000000a", "snapshot": "snap-0000000a",
        "source": "snap-0000000b", "image": "ami-0000000a", "path": "/d.raw", "format": "raw",
        "form": "qcow2", "force": true, "start": true, "shut_down": true, "looks": 3,
        "since": "2026-01-01T00:00:00.000Z", "asked": "2026-01-01T00:00:00.000Z",
        "until": "2026-01-01T00:00:00.000Z", "pairs":
        [{"volume": "vol-0000000a", "snapshot": "snap-0000000a"}], "mib_per_second": 7})";

TEST(Work, OfEveryKindIsKeptByItsTask)
{
    int kinds = 0;
    (void)any_work([&]<class Work>() {
        ++kinds;
        auto const work = read_document<Work>(kArguments).value();
        auto const task = task_for(work).value();
        EXPECT_EQ(task.kind, Work::kKind);
        EXPECT_FALSE(task.subject.empty()) << task.kind;
        EXPECT_EQ(text(work_of<Work>(task).value()), text(work));
        return false;
    });
    EXPECT_EQ(kinds, 19);
}

TEST(Work, ThatDoesNotParseIsASentenceAboutItsTask)
{
    for (auto const* const payload : {"", "{", "[]", "{}", R"({"instance": "vol-0000000a"})"}) {
        Task const task{.id = 12, .kind = "stop", .subject = "i-0000000a", .payload = payload};
        auto const work = work_of<StopWork>(task);
        ASSERT_FALSE(work.ok()) << payload;
        EXPECT_EQ(work.error().fault, Fault::corrupt);
        EXPECT_NE(work.error().message.find("task 12 (stop i-0000000a)"), std::string::npos)
            << work.error().message;
    }
    auto const task = task_for(RebootWork{InstanceId::parse("i-0000000a").value()}).value();
    EXPECT_EQ(work_of<ReapWork>(task).error().fault, Fault::corrupt) << "of another kind";
}

TEST(Work, MovesItsTimesWhenTheClockWasSet)
{
    auto work = read_document<DetachWork>(kArguments).value();
    auto task = task_for(work).value();
    task.created = work.since;
    auto const moved = shifted(task, std::chrono::hours(1));
    EXPECT_EQ(moved.created, task.created + std::chrono::hours(1));
    work.since += std::chrono::hours(1);
    EXPECT_EQ(text(work_of<DetachWork>(moved).value()), text(work));
    task.payload = "{";
    EXPECT_EQ(shifted(task, std::chrono::hours(1)).payload, "{");
}

TEST(Work, OfACaptureHoldsTheInstanceWhileTheGuestWaitsAndNoLonger)
{
    auto work = read_document<CaptureWork>(kArguments).value();
    using Names = std::vector<std::string>;
    EXPECT_EQ(claim_of(work).on, (Names{"i-0000000a", "vol-0000000a"}));
    EXPECT_EQ(claim_of(work).lane, Lane::machines);
    work.phase = CapturePhase::store;
    EXPECT_EQ(claim_of(work).on, Names{"frozen layers of vol-0000000a"});
    EXPECT_EQ(claim_of(work).lane, Lane::bulk);
    EXPECT_EQ(claim_of(work).keeps, Names{"snap-0000000a"});
    work.phase = CapturePhase::settle;
    work.holders = {InstanceId::parse("i-0000000b").value()};
    EXPECT_EQ(claim_of(work).on, (Names{"i-0000000b", "vol-0000000a"}));
    EXPECT_EQ(claim_of(work).lane, Lane::machines);
}

struct OldForm {
    char const* kind;
    char const* subject;
    char const* payload;
    char const* says; ///< Lane, resources, snapshots kept; then the arguments.
};

std::string print(Task const& task)
{
    auto line = std::string(word(task.lane));
    for (auto const& resource : task.on)
        line += " " + resource;
    for (auto const& snapshot : task.keeps)
        line += " +" + snapshot;
    return line + " " + task.payload;
}

TEST(Work, OfRelease01IsUnderstood)
{
    constexpr OldForm kForms[] = {
        {"launch", "i-0000000a", R"({"start":true})",
         R"(machines i-0000000a {"instance":"i-0000000a","start":true})"},
        {"attach", "i-0000000a", R"({"volume":"vol-0000000a"})",
         R"(machines i-0000000a vol-0000000a {"instance":"i-0000000a","volume":"vol-0000000a"})"},
        {"detach", "i-0000000a", R"({"volume":"vol-0000000a","force":true,"since":0,"looks":2})",
         R"(machines i-0000000a vol-0000000a {"force":true,"instance":"i-0000000a","looks":2,)"
         R"("since":"1970-01-01T00:00:00.000Z","volume":"vol-0000000a"})"},
        {"capture", "vol-0000000a",
         R"({"pairs":{"vol-0000000a":"snap-0000000a"},"phase":"store","until":1})",
         R"(bulk frozen layers of vol-0000000a +snap-0000000a {"holders":[],"image":null,)"
         R"("instance":null,"merge":false,)"
         R"("no_reboot":true,"pairs":[{"snapshot":"snap-0000000a","volume":"vol-0000000a"}],)"
         R"("phase":"store","until":"1970-01-01T00:00:00.001Z","was_running":false})"},
        {"snapshot_timeout", "timeout of snap-0000000a", "{}",
         R"(machines {"snapshot":"snap-0000000a"})"},
        {"copy_snapshot", "snap-0000000a", R"({"source":"snap-0000000b"})",
         R"(bulk snap-0000000a +snap-0000000b )"
         R"({"image":null,"snapshot":"snap-0000000a","source":"snap-0000000b"})"},
        {"collect", "store", "{}", "bulk store {}"},
        {"scrub", "scrub", R"({"mib_per_second":8,"anew":true})",
         R"(bulk scrub {"anew":true,"mib_per_second":8})"},
        {"stop", "i-0000000a", "{", "machines i-0000000a {"},
        {"of another release", "i-0000000a", "{}", "machines i-0000000a {}"},
    };
    for (auto const& form : kForms) {
        Task task{.id = 3, .kind = form.kind, .subject = form.subject, .payload = form.payload};
        auto const today = text(task);
        auto old = today;
        old.replace(old.find("\"on\""), 4, "\"no\""); // rows of 0.1 have no such member
        EXPECT_EQ(print(read_document<Task>(old).value()), form.says);
        EXPECT_EQ(read_document<Task>(today).value().payload, form.payload);
    }
}

} // namespace
} // namespace karat::catalog
