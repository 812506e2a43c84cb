// SPDX-License-Identifier: Apache-2.0
// Puts the HTTP server, the dispatcher, the metadata service and the admin verbs together.
#include "karat/api.hpp"

#include "admin.hpp"
#include "http.hpp"
#include "identity.hpp"
#include "imds.hpp"

#include "karat/wire/errors.hpp"

#include <fmt/format.h>

namespace karat::api {
namespace {

constexpr std::size_t kApiBodyBytes = 1 << 20;
constexpr std::size_t kGuestBodyBytes = 4096;
constexpr std::size_t kGuestConnections = 32;
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

class Frontdesk final : public Endpoint, engine::MetadataSockets {
public:
    struct Keys {
        Bytes imds;
        Bytes ebs;
    };
    Frontdesk(Env env, EndpointOptions options, std::unique_ptr<Identity> identity, Keys keys)
        : env_(env)
        , options_(std::move(options))
        , identity_(std::move(identity))
        , imds_(env, *identity_, std::move(keys.imds))
        , ebs_key_(std::move(keys.ebs))
        , server_(HttpServer::create(options_.workers))
    {
    }
    ~Frontdesk() override { stop(); }

    engine::MetadataSockets& metadata() override { return *this; }
    std::uint16_t port() const override { return port_; }
    void stop() override { server_.reset(); }

    Result<void> start(engine::Engine& engine) override
    {
        imds_.set_engine(&engine);
        dispatcher_ = std::make_unique<Dispatcher>(env_, engine, ebs_key_);
        HttpRoute const calls{[this](HttpRequest&& request) { return answer(std::move(request)); },
                              refuse_as_ec2,
                              {.body_bytes = kApiBodyBytes}};
        port_ = TRY(server_->listen_tcp(options_.address, options_.port, calls));
        if (options_.admin_socket.empty())
            return {};
        return server_->listen_unix(
            options_.admin_socket,
            {[&engine](HttpRequest&& request) { return handle_admin(engine, request); },
             refuse_plainly,
             {}},
            "admin");
    }

    Result<void> open(InstanceId const& instance, std::string const& socket_path) override
    {
        return server_->listen_unix(
            socket_path,
            {[this, instance](HttpRequest&& request) { return imds_.handle(instance, request); },
             refuse_plainly,
             {.body_bytes = kGuestBodyBytes, .connections = kGuestConnections}},
            instance.text());
    }
    void close(InstanceId const& instance) override
    {
        if (server_)
            server_->close_unix(instance.text());
    }

private:
    HttpReply answer(HttpRequest&& request)
    {
        auto made = dispatcher_->handle({std::move(request.method), std::move(request.path),
                                         std::move(request.query), std::move(request.headers),
                                         std::move(request.body), std::move(request.peer)});
        return {made.status, std::move(made.content_type), std::move(made.body),
                std::move(made.headers)};
    }

    Env env_;
    EndpointOptions options_;
    std::unique_ptr<Identity> identity_;
    Imds imds_;
    Bytes const ebs_key_;
    std::unique_ptr<Dispatcher> dispatcher_;
    std::uint16_t port_ = 0;
    std::unique_ptr<HttpServer> server_; // last: its threads use the rest
};

} // namespace

Result<std::unique_ptr<Endpoint>> Endpoint::create(Env env, EndpointOptions options)
{
    auto identity = TRY(Identity::open(env, options.data_directory));
    Frontdesk::Keys keys;
    keys.imds = TRY(token_key(env, options.data_directory + "/imds-token.key"));
    keys.ebs = TRY(token_key(env, options.data_directory + "/ebs-token.key"));
    return std::unique_ptr<Endpoint>(
        std::make_unique<Frontdesk>(env, std::move(options), std::move(identity), std::move(keys)));
}

} // namespace karat::api
