// SPDX-License-Identifier: Apache-2.0
// karat-net SETTINGS.json: the network and the serial log of one guest, without privilege. Writes
// "ready" to its standard output once it serves.
#include "patch_panel.hpp"
#include "privileges.hpp"

#include "karat/log.hpp"
#include "karat/system_calls.hpp"
#include "karat/thread.hpp"

#include <unistd.h>

namespace karat::net {
namespace {

Result<void> serve(std::string settings_path)
{
    auto const panel = TRY(PatchPanel::create(posix_env(), std::move(settings_path)));
    TRY(drop_privileges());
    TRY(confine::allow_serving_calls(confine::Serving::network));
    return panel->run([] {
        // Nobody waits when the pipe is gone; SIGPIPE is ignored by then.
        [[maybe_unused]] auto const told = ::write(STDOUT_FILENO, "ready\n", 6);
    });
}

} // namespace
} // namespace karat::net

namespace {

int run(int argc, char** argv)
{
    if (argc != 2) {
        karat::log(karat::Level::error, "net.usage", {{"usage", "karat-net SETTINGS.json"}});
        return 2;
    }
    auto const served = karat::net::serve(argv[1]);
    if (served.ok())
        return 0;
    karat::log(karat::Level::error, "net.failed", served.error());
    return 1;
}

} // namespace

int main(int argc, char** argv)
{
    return karat::run_program("karat-net", [=] { return run(argc, argv); });
}
