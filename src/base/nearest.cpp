// SPDX-License-Identifier: Apache-2.0
#include "karat/nearest.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace karat {
namespace {

constexpr std::size_t kLongestWord = 64; // the work grows with the square of it

/// How many characters must be put in, taken out or replaced (Levenshtein).
std::size_t distance(std::string_view one, std::string_view other)
{
    std::vector<std::size_t> row(other.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= one.size(); ++i) {
        auto diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= other.size(); ++j) {
            auto const replaced = diagonal + (one[i - 1] == other[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row.back();
}

} // namespace

std::string nearest(std::string_view word, std::span<std::string const> candidates)
{
    if (word.size() > kLongestWord)
        return {};
    std::string best;
    auto least = std::max<std::size_t>(2, word.size() / 3) + 1;
    for (auto const& candidate : candidates) {
        auto const differs = distance(word, candidate);
        if (differs < least && differs < candidate.size()) {
            least = differs;
            best = candidate;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view word, std::span<std::string const> candidates)
{
    auto const meant = nearest(word, candidates);
    return meant.empty() ? std::string() : "; did you mean '" + meant + "'?";
}

} // namespace karat
