// SPDX-License-Identifier: Apache-2.0
// Puts the HTTP server, the dispatcher, the metadata service and the admin verbs together.
#include "karat/api.hpp"

#include "admin.hpp"
#include "http.hpp"
#include "identity.hpp"
#include "imds.hpp"

#include "karat/wire/errors.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <sys/resource.h>

namespace karat::api {
namespace {

constexpr std::size_t kApiBodyBytes = 1 << 20;
constexpr std::size_t kMostApiConnections = 16'384;
constexpr std::size_t kApiHeldBytes = 256 << 20;
constexpr std::size_t kAdminConnections = 256;
constexpr std::size_t kAdminHeldBytes = 64 << 20;
constexpr HttpThreads kAdminThreads{.quick = 2, .slow = 4};
constexpr HttpThreads kGuestThreads{.quick = 2};
/// Of one guest. The first boot of an image asks some hundred times.
constexpr HttpLimits kGuestLimits{.body_bytes = 4096,
                                  .header_bytes = 16 << 10,
                                  .connections = 32,
                                  .held_bytes = 2 << 20,
                                  .per_second = 200,
                                  .burst = 400};
constexpr std::size_t kTokenKeyBytes = 32;

/// A key that makes tokens good across restarts; made when absent.
Result<Bytes> token_key(Env env, std::string const& path)
{
    bool const there = TRY(env.files.exists(path));
    if (there) {
        auto key = TRY(read_file(env.files, path, kTokenKeyBytes));
        if (key.size() == kTokenKeyBytes)
            return key;
    }
    Bytes key(kTokenKeyBytes);
    env.chance.fill(key);
    TRY(replace_file(env.files, path, key));
    return key;
}

HttpReply refuse_plainly(int status, std::string const& sentence)
{
    return {.status = status, .body = sentence + "\n"};
}

/// A client of the API gets even this in EC2's form.
HttpReply refuse_as_ec2(int status, std::string const& sentence)
{
    auto const code = status == 413 ? "RequestEntityTooLarge" : "InvalidRequest";
    auto made = wire::ec2_error({code, sentence, "00000000-0000-0000-0000-000000000000", status});
    return {made.status, std::move(made.content_type), std::move(made.body),
            std::move(made.headers)};
}

/// Half of the descriptors that this process may have: the other half is for packs and disks.
std::size_t api_connections()
{
    rlimit limit = {};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 512;
    return std::clamp<std::size_t>(limit.rlim_cur / 2, 16, kMostApiConnections);
}

/// Guests, callers and operators have loops and threads of their own: a flood of one kind of
/// request slows no other.
struct Servers {
    std::unique_ptr<HttpServer> calls;
    std::unique_ptr<HttpServer> guests;
    std::unique_ptr<HttpServer> admin;

    static Result<Servers> create(Clock& clock, int api_workers)
    {
        Servers made;
        made.calls = TRY(HttpServer::create(clock, {.quick = api_workers}));
        made.guests = TRY(HttpServer::create(clock, kGuestThreads));
        made.admin = TRY(HttpServer::create(clock, kAdminThreads));
        return made;
    }
    EndpointCounts counts() const
    {
        EndpointCounts all;
        for (auto const* const server : {calls.get(), guests.get(), admin.get()}) {
            auto const one = server->counts();
            all.connections += one.connections;
            all.held_bytes += one.held_bytes;
        }
        return all;
    }
    std::vector<std::string> running() const
    {
        std::vector<std::string> names;
        for (auto const* const server : {calls.get(), guests.get(), admin.get()})
            for (auto& name : server->running())
                names.push_back(std::move(name));
        return names;
    }
};

class Frontdesk final : public Endpoint, engine::MetadataSockets {
public:
    struct Keys {
        Bytes imds;
        Bytes ebs;
    };
    Frontdesk(Env env, EndpointOptions options, std::unique_ptr<Identity> identity, Keys keys,
              Servers servers)
        : env_(env)
        , options_(std::move(options))
        , identity_(std::move(identity))
        , imds_(env, *identity_, std::move(keys.imds))
        , ebs_key_(std::move(keys.ebs))
        , servers_(std::move(servers))
    {
    }
    ~Frontdesk() override { stop(); }

    engine::MetadataSockets& metadata() override { return *this; }
    std::uint16_t port() const override { return port_; }
    void stop() override
    {
        servers_.calls->stop();
        servers_.admin->stop();
        servers_.guests->stop();
    }
    EndpointCounts counts() const override { return servers_.counts(); }
    std::vector<std::string> running() const override { return servers_.running(); }

    void answer_guests(engine::Engine& engine) override { imds_.set_engine(&engine); }
    Result<void> start(engine::Engine& engine) override
    {
        dispatcher_ = std::make_unique<Dispatcher>(env_, engine, ebs_key_);
        HttpRoute const calls{[this](HttpRequest&& request) { return answer(std::move(request)); },
                              refuse_as_ec2,
                              {.body_bytes = kApiBodyBytes,
                               .connections = api_connections(),
                               .held_bytes = kApiHeldBytes}};
        port_ = TRY(servers_.calls->listen_tcp(options_.address, options_.port, calls));
        if (options_.admin_socket.empty())
            return {};
        return servers_.admin->listen_unix(
            options_.admin_socket,
            {[&engine](HttpRequest&& request) { return handle_admin(engine, request); },
             refuse_plainly,
             {.connections = kAdminConnections, .held_bytes = kAdminHeldBytes},
             admin_takes_long},
            "admin");
    }

    Result<void> open(InstanceId const& instance, std::string const& socket_path) override
    {
        return servers_.guests->listen_unix(
            socket_path,
            {[this, instance](HttpRequest&& request) { return imds_.handle(instance, request); },
             refuse_plainly, kGuestLimits},
            instance.text());
    }
    void close(InstanceId const& instance) override
    {
        servers_.guests->close_unix(instance.text());
    }

private:
    HttpReply answer(HttpRequest&& request)
    {
        auto made = dispatcher_->handle({std::move(request.method), std::move(request.path),
                                         std::move(request.query), std::move(request.headers),
                                         std::move(request.body), std::move(request.peer)});
        return {made.status, std::move(made.content_type), std::move(made.body),
                std::move(made.headers), made.signed_in};
    }

    Env env_;
    EndpointOptions options_;
    std::unique_ptr<Identity> identity_;
    Imds imds_;
    Bytes const ebs_key_;
    std::unique_ptr<Dispatcher> dispatcher_;
    std::uint16_t port_ = 0;
    Servers servers_; // last: their threads use the rest
};

} // namespace

Result<std::unique_ptr<Endpoint>> Endpoint::create(Env env, EndpointOptions options)
{
    auto identity = TRY(Identity::open(env, options.data_directory));
    Frontdesk::Keys keys;
    keys.imds = TRY(token_key(env, options.data_directory + "/imds-token.key"));
    keys.ebs = TRY(token_key(env, options.data_directory + "/ebs-token.key"));
    auto servers = TRY(Servers::create(env.clock, options.workers));
    return std::unique_ptr<Endpoint>(std::make_unique<Frontdesk>(
        env, std::move(options), std::move(identity), std::move(keys), std::move(servers)));
}

} // namespace karat::api
