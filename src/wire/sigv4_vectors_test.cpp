// SPDX-License-Identifier: Apache-2.0
#include "sigv4_samples.hpp"

#include <gtest/gtest.h>

namespace karat::wire {
namespace {

TEST(SigV4Vectors, published_requests_verify)
{
    auto const samples = published_samples();
    if (samples.empty())
        GTEST_SKIP() << "sigv4-vectors.json is not there; SigV4Vectors.botocore_requests_verify "
                        "covers what the repository holds";
    EXPECT_EQ(samples.size(), 76U);
    for (auto const& sample : samples) {
        auto const request = sample.with_body();
        auto const claim = read_claim(request, sample.policy, sample.now);
        ASSERT_TRUE(claim.ok()) << sample.name << ": " << claim.refusal().message;
        auto const canonical = canonical_request(request, claim.value(), sample.policy).value();
        EXPECT_EQ(canonical, sample.canonical) << sample.name;
        EXPECT_EQ(string_to_sign(claim.value(), canonical), sample.string_to_sign) << sample.name;
        EXPECT_EQ(outcome(sample), "ok") << sample.name;
    }
}

TEST(SigV4Vectors, botocore_requests_verify)
{
    auto const samples = golden_samples();
    EXPECT_EQ(samples.size(), 24U);
    for (auto const& sample : samples)
        EXPECT_EQ(outcome(sample), "ok") << sample.name;
}

} // namespace
} // namespace karat::wire
