// SPDX-License-Identifier: Apache-2.0
// Nouns as JSON documents, the form in which rows keep them. A document may lack members that a
// later version added, which then read as their defaults, and may hold members that this version
// does not know, which are ignored. Ids are always there.
#pragma once

#include "members.hpp"

#include <string>
#include <string_view>

namespace karat::catalog {

/// Fault::invalid when some text of the thing is not UTF-8.
template <class Thing>
Result<std::string> write_document(Thing const& thing);

/// Fault::corrupt when the text is not a document of such a thing.
template <class Thing>
Result<Thing> read_document(std::string_view text);

} // namespace karat::catalog
