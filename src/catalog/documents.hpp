// SPDX-License-Identifier: Apache-2.0
// Nouns as JSON documents, the form in which rows keep them. A document may lack members that a
// later version added, which then read as their defaults, and may hold members that this version
// does not know, which are ignored. Ids are always there.
#pragma once

#include "members.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace karat::catalog {

/// Fault::invalid when some text of the thing is not UTF-8.
template <class Thing>
Result<std::string> write_document(Thing const& thing);

/// Reads documents one after the other, with the same buffers.
class DocumentReader {
public:
    DocumentReader();
    DocumentReader(DocumentReader const&) = delete;
    DocumentReader& operator=(DocumentReader const&) = delete;
    ~DocumentReader();

    /// Fault::corrupt when the text is not a document of such a thing.
    template <class Thing>
    Result<Thing> read(std::string_view text);

private:
    struct Parser;
    std::unique_ptr<Parser> parser_;
};

/// The same for one document.
template <class Thing>
Result<Thing> read_document(std::string_view text)
{
    return DocumentReader().read<Thing>(text);
}

} // namespace karat::catalog
