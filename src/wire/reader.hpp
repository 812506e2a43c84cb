// SPDX-License-Identifier: Apache-2.0
// From a request's parameters or JSON body to a generated struct, by its Shape.
#pragma once

#include "shape.hpp"

#include "karat/wire/params.hpp"
#include "karat/wire/rest.hpp"

namespace karat::wire {

enum class ListStyle : unsigned char {
    flat,   ///< ec2: Filter.1
    member, ///< query: Filter.member.1
};

/// Fills the fresh struct `object`. Lists come in the order of their indices, whatever order and
/// gaps these have, and take memory by what was sent, never by an index. An empty value is an
/// absent one but for Presence::even_empty and inside lists, and a struct of absent values only is
/// absent too. Action, Version and what presigning adds (X-Amz-…) are passed over. Fault::unknown,
/// missing or invalid name the parameter.
Result<void> read_params(ListStyle style, Shape const& shape, void* object, Params const& params);

/// The same from a JSON object of at most 1 MiB and 32 levels. Unknown members are passed over, as
/// AWS does.
Result<void> read_json(Shape const& shape, void* object, std::string_view body);

/// The same from the parts of a rest request, each member from its place. A body that holds no
/// member is not looked at; queries and headers that are no members are passed over, as AWS does.
Result<void> read_rest(Shape const& shape, void* object, RestRequest const& request);

} // namespace karat::wire
