// SPDX-License-Identifier: Apache-2.0
#include "sigv4_samples.hpp"

#include "karat/json.hpp"
#include "karat/text.hpp"

#include <fstream>
#include <iterator>

namespace karat::wire {
namespace {

using nlohmann::json;

std::optional<json> read_json(std::string const& path)
{
    std::ifstream file(path);
    if (!file)
        return std::nullopt;
    return json::parse(file);
}

/// What context.json of a published vector says, or a golden request of ours.
Sample sample_of(std::string name, json const& context, std::string const& request)
{
    Sample sample;
    sample.name = std::move(name);
    auto const& credentials = context.at("credentials");
    sample.access_key_id = credentials.at("access_key_id");
    sample.secret = credentials.at("secret_access_key");
    if (credentials.contains("token"))
        sample.session_token = credentials.at("token").get<std::string>();
    sample.policy.scopes = {{context.at("service"), context.at("region")}};
    if (!context.value("normalize", true))
        sample.policy.path_form = PathForm::as_sent;
    if (context.value("omit_session_token", false))
        sample.policy.token_place = TokenPlace::added_after;
    if (context.value("unsigned_payload", false))
        sample.policy.unsigned_payload = UnsignedPayload::allow;
    sample.now = parse_time(context.at("timestamp").get<std::string>()).value();
    read_http(request, sample);
    return sample;
}

} // namespace

SignedRequest Sample::with_body() const
{
    auto copy = request;
    copy.body = body;
    return copy;
}

SigningSecret Sample::signing_secret() const
{
    SigningSecret out{.secret = SecretView(secret), .session_token = {}, .version = 1};
    if (session_token)
        out.session_token = SecretView(*session_token);
    return out;
}

void read_http(std::string_view text, Sample& sample)
{
    auto line = take_until(text, '\n');
    sample.request.method = line.substr(0, line.find(' '));
    auto const begin = line.find(' ') + 1;
    auto const target = line.substr(begin, line.rfind(' ') - begin); // may hold blanks itself
    auto const mark = std::min(target.find('?'), target.size());
    sample.request.path = target.substr(0, mark);
    sample.request.query = target.substr(std::min(mark + 1, target.size()));
    auto& headers = sample.request.headers;
    while (!(line = take_until(text, '\n')).empty()) {
        auto const colon = line.find(':');
        if (line[0] == ' ')
            headers.back().second.append("\n").append(line);
        else
            headers.emplace_back(line.substr(0, colon), line.substr(colon + 1));
    }
    sample.body = text;
}

std::vector<Sample> published_samples()
{
    std::vector<Sample> samples;
    auto file = read_json(KARAT_SOURCE_DIR "/../shared/data/sigv4-vectors.json");
    if (!file) // a worktree beside the repository
        file = read_json(KARAT_SOURCE_DIR "/../../shared/data/sigv4-vectors.json");
    if (!file)
        return samples;
    for (auto const& [name, files] : file->at("cases").items())
        for (std::string const form : {"header", "query"}) {
            auto const context = json::parse(files.at("context.json").get<std::string>());
            auto sample = sample_of(name + " " + form, context,
                                    files.at(form + "-signed-request.txt").get<std::string>());
            sample.canonical = files.at(form + "-canonical-request.txt");
            sample.string_to_sign = files.at(form + "-string-to-sign.txt");
            samples.push_back(std::move(sample));
        }
    return samples;
}

std::vector<Sample> golden_samples()
{
    std::vector<Sample> samples;
    auto const file = read_json(KARAT_SOURCE_DIR "/src/wire/sigv4_golden.json");
    if (!file)
        return samples;
    for (auto const& [name, entry] : file->items())
        samples.push_back(sample_of(name, entry, entry.at("request").get<std::string>()));
    return samples;
}

std::vector<Sample> all_samples()
{
    auto samples = published_samples();
    for (auto& sample : golden_samples())
        samples.push_back(std::move(sample));
    return samples;
}

std::string outcome(Sample const& sample, SignedRequest const& request, SigningKeys& keys)
{
    auto const claim = read_claim(request, sample.policy, sample.now);
    if (!claim.ok())
        return name(claim.refusal().fault);
    if (claim.value().signer.access_key_id != sample.access_key_id)
        return name(refuse_unknown_key().fault);
    auto const done = verify(request, claim.value(), sample.policy, sample.signing_secret(), keys);
    return done.ok() ? "ok" : name(done.refusal().fault);
}

std::string outcome(Sample const& sample)
{
    SigningKeys keys;
    return outcome(sample, sample.with_body(), keys);
}

} // namespace karat::wire
