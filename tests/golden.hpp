// SPDX-License-Identifier: Apache-2.0
// Goldens: text that is reviewed as a diff. KARAT_BLESS=1 rewrites instead of comparing.
#pragma once

#include <string>

namespace karat::testing {

bool blessing();
/// `path` is relative to the repository.
void write_repository_file(std::string const& path, std::string const& text);
/// Fails the running test when `text` is not what tests/golden/`name` holds.
void expect_golden(std::string const& name, std::string const& text);

} // namespace karat::testing
