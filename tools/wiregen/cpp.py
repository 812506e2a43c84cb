# SPDX-License-Identifier: Apache-2.0
"""The C++ of a model: the door (structs, readers, writers), the list of its operations, and the
tables that src/wire/shape.hpp describes. A model with subjects has a door and a source for each of
them, and one for what several share."""
import dataclasses

from model import SIMPLE, snake

MADE = """// SPDX-License-Identifier: Apache-2.0
// Made by tools/wiregen from src/wire/models/{service}.json. Do not edit.
"""


@dataclasses.dataclass
class Part:
    """What one door and one source hold."""
    name: str  # a subject, "common", or "" of a model without subjects
    structures: list
    operations: list

    def door(self, service):
        return f"karat/wire/{service}/{self.name}.hpp" if self.name else f"karat/wire/{service}.hpp"


def reached(model, structure):
    """The names of the structures that it holds, at any depth."""
    names = set()
    for member in structure.members:
        if member.is_structure:
            names |= {member.type} | reached(model, model.structures[member.type])
    return names


def parts(model):
    """Structures that operations of several subjects hold are common."""
    if not model.subjects:
        return [Part("", list(model.structures.values()), model.operations)]
    users = {name: set() for name in model.structures}
    for operation in model.operations:
        subject = model.subject(operation)
        for own in (operation.request, operation.reply):
            for name in reached(model, own) | {own.name} & users.keys():
                users[name].add(subject)

    def used_by(test):
        return [one for name, one in model.structures.items() if test(users[name])]

    own = [Part(name, used_by(lambda by, name=name: by == {name}),
                [one for one in model.operations if model.subject(one) == name])
           for name in model.subjects]
    return [Part("common", used_by(lambda by: len(by) > 1), []), *own]


def is_plain(structure, member):
    """Required members of what only requests hold need no optional: the reader has checked."""
    return member.required and not structure.written and not member.is_structure


def declaration(structure, member):
    if member.place == "payload":
        type_ = "std::string" if structure.written else "std::string_view"
        note = "" if structure.written else " ///< The request's body; not owned."
        return f"    {type_} {member.field}{{}};{note}\n"
    type_ = SIMPLE.get(member.type, member.type)
    if member.is_list:
        type_ = f"std::vector<{type_}>"
    elif not is_plain(structure, member) and member.name != "DryRun":
        type_ = f"std::optional<{type_}>"
    start = constant(member)
    note = " ///< Required." if member.required and structure.read else ""
    return f"    {type_} {member.field}{{{start}}};{note}\n"


def constant(member):
    """The text that stands in a reply's member unless a handler says another."""
    value = member.words.get("const", "")
    return f'"{value.replace("_", " ")}"' if value and member.type == "string" else value


def struct(structure):
    body = "".join(declaration(structure, member) for member in structure.members)
    return f"struct {structure.name} {{\n{body}}};\n\n"


def reader(model, operation):
    source = {"json": "std::string_view body", "rest": "RestRequest const& call"}.get(
        model.protocol, "Params const& params")
    return f"Result<{operation.request.name}> read_{snake(operation.name)}_request({source})"


def writer(model, operation):
    if model.protocol == "rest":
        return f"RestReply write_{snake(operation.name)}_result({operation.name}Result result)"
    request_id = "" if model.protocol == "json" else ", std::string_view request_id"
    result = f"{operation.name}Result const& result{request_id}"
    return f"std::string write_{snake(operation.name)}_result({result})"


def routes(model):
    """In the order of the operations, so that a route's index is its operation's."""
    rows = ""
    for operation in model.operations:
        method, pattern, status = operation.http.split(" ")
        rows += f'    {{"{method}", "{pattern}", {status}}},\n'
    return f"\ninline constexpr RestRoute kRoutes[] = {{\n{rows}}};\n"


def constants(model):
    names = {"kVersion": "version", "kNamespace": "namespace", "kTarget": "target",
             "kSigningName": "signing_name"}
    return "".join(f'inline constexpr std::string_view {name} = "{model.head[key]}";\n'
                   for name, key in names.items() if key in model.head) + "\n"


DOOR = """// Requests and replies, their readers and their writers. In what only requests hold, required
// scalars are plain; everything else that may be absent is optional, and a list without elements is
// an absent one. Blobs are decoded bytes. All functions are pure and thread-safe.
#pragma once

"""
INCLUDES = """#include "karat/env.hpp"
#include "karat/result.hpp"
#include "karat/wire/params.hpp"
REST
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

"""
TOKEN = """/// SHA-256 of all that it asks for, as it was said: what tells a repeated call with the same client
/// token from another one.
"""


def result(model, operation):
    """The struct of its reply, or the name that a shared one has here."""
    if operation.reply.name in model.structures:
        return f"using {operation.name}Result = {operation.reply.name};\n\n"
    return struct(operation.reply)


def functions(model, operation):
    text = f"{reader(model, operation)};\n{writer(model, operation)};\n"
    if has_token(operation):
        text += f"{TOKEN}std::string fingerprint({operation.request.name} const& request);\n"
    return text


def door(model, part):
    text = MADE.format(service=model.service) + DOOR
    if part.name not in ("", "common"):
        text += f'#include "karat/wire/{model.service}/common.hpp"\n\n'
    rest = '#include "karat/wire/rest.hpp"\n\n' if model.protocol == "rest" else "\n"
    text += INCLUDES.replace("REST\n", rest)
    text += f"namespace karat::wire::{model.service} {{\n\n"
    if part.name in ("", "common"):
        text += constants(model)
    text += "".join(map(struct, part.structures))
    for operation in part.operations:
        text += struct(operation.request) + result(model, operation)
    text += "".join(functions(model, one) for one in part.operations)
    if model.protocol == "rest":
        text += routes(model)
    return text + f"\n}} // namespace karat::wire::{model.service}\n"


def all_doors(model):
    """One door that holds all subjects."""
    includes = "".join(f'#include "{part.door(model.service)}"\n' for part in parts(model))
    return (MADE.format(service=model.service) +
            f"// All subjects of the service.\n#pragma once\n\n{includes}")


def declared(model, operation):
    reply = operation.reply.name
    alias = f"using {operation.name}Result = {reply};\n" if reply in model.structures else ""
    return f"struct {operation.request.name};\nstruct {reply};\n{alias}"


def operations(model):
    macro = f"KARAT_{model.service.upper()}_OPERATIONS"
    rows = " \\\n".join(f"    X({one.name}, {snake(one.name)})" for one in model.operations)
    names = "".join(declared(model, one) for one in model.operations)
    return MADE.format(service=model.service) + f"""/* {macro}(X) says X(Name, name) for each operation:
   api/{model.service} declares every handler (handlers.hpp) and builds its table of operations
   (service.cpp) from this one list, so an operation without a handler does not link. */
#pragma once

namespace karat::wire::{model.service} {{

{names}
}} // namespace karat::wire::{model.service}

#define {macro}(X) \\
{rows}
"""


def table_row(structure, member, model):
    use = "both" if structure.read else "write"
    field = f"KARAT_FIELD({structure.name}, {member.field}, {use})"
    if member.type == "blob":
        field = f"as_blob({field})"
    names = f'.in = "{member.query}", .out = "{member.xml}", .item = "{member.item}"'
    row = f"    {{{names}, .field = {field}"
    if structure.read and member.required:
        row += ", .presence = Presence::required"
    elif structure.read and "even_empty" in member.words:
        row += ", .presence = Presence::even_empty"
    if member.is_structure:
        row += f", .shape = &shapes::{member.type}"
    if structure.read and "enum" in member.words:
        row += f", .values = k{member.words['enum']}"
    if structure.read and "among" in member.words:
        row += f", .values = k{structure.name}{member.name}"
    if structure.read and member.bounds:
        least, most = member.bounds
        limits = [f".least = {least}"] * bool(least) + [f".most = {most}"] * bool(most)
        row += f", .bounds = {{{', '.join(limits)}}}"
    if member.type == "Tag" and structure.written:
        row += ", .only_filled = true"
    if member.place != "body":
        row += f", .place = Place::{member.place}"
    if structure.read:
        row += refused(structure, member, model)
    return row + "},\n"


def refused(structure, member, model):
    given = member.words
    if not {"only", "refuse"} & given.keys():
        return ""
    what = f".but = k{structure.name}{member.name}" if member.offered else ".all = true"
    advice = f', .advice = "{model.advice[given["advice"]]}"' if "advice" in given else ""
    return f", .refused = {{{what}{advice}}}"


def words(values):
    return ", ".join(f'"{value}"' for value in values)


def value_lists(structure):
    """What the table's rows of `among` and `only` point at."""
    lists = [(member, member.offered or member.words.get("among", "").split("|"))
             for member in structure.members if {"among", "only"} & member.words.keys()]
    return "".join(f"constexpr std::string_view k{structure.name}{member.name}[] = "
                   f"{{{words(values)}}};\n" for member, values in lists if structure.read)


def table(structure, model):
    listed = [member for member in structure.members if member.place != "payload"]
    if not listed:
        return f"constinit Shape const shapes::{structure.name}{{}};\n\n"
    rows = "".join(table_row(structure, member, model) for member in listed)
    refuses = ", true" if structure.read and structure.refuses else ""
    return (f"{value_lists(structure)}"
            f"constexpr Member k{structure.name}Members[] = {{\n{rows}}};\n"
            f"constinit Shape const shapes::{structure.name}"
            f"{{k{structure.name}Members{refuses}}};\n\n")


def checks(operation):
    request = operation.request
    return f"    TRY(check_offered(shapes::{request.name}, &request));\n" * request.refuses


def has_token(operation):
    return any(member.name == "ClientToken" for member in operation.request.members)


def token_body(operation):
    name = operation.request.name
    if not has_token(operation):
        return ""
    return (f"std::string fingerprint({name} const& request)\n{{\n"
            f"    return wire::fingerprint(shapes::{name}, &request);\n}}\n\n")


def rest_bodies(model, operation):
    request, status = operation.request.name, operation.http.split(" ")[2]
    take = "".join(f"    request.{member.field} = call.body;\n"
                   for member in operation.request.members if member.place == "payload")
    payload = [f"std::move(result.{member.field})" for member in operation.reply.members
               if member.place == "payload"]
    write = f"write_rest_reply({', '.join([status, f'shapes::{operation.reply.name}', '&result'])})"
    if payload:
        write = f"with_payload({write}, {payload[0]})"
    return (f"{reader(model, operation)}\n{{\n    {request} request;\n"
            f"    TRY(read_rest(shapes::{request}, &request, call));\n{checks(operation)}{take}"
            f"    return request;\n}}\n\n{token_body(operation)}"
            f"{writer(model, operation)}\n{{\n    return {write};\n}}\n\n")


def bodies(model, operation):
    if model.protocol == "rest":
        return rest_bodies(model, operation)
    name, request = operation.name, operation.request.name
    style = "member" if model.protocol == "query" else "flat"
    read = (f"read_json(shapes::{request}, &request, body)" if model.protocol == "json" else
            f"read_params(ListStyle::{style}, shapes::{request}, &request, params)")
    shape = f"shapes::{operation.reply.name}, &result"
    write = (f"write_json_reply({shape})" if model.protocol == "json" else
             f'write_{model.protocol}_reply({{"{name}", kNamespace, request_id}}, {shape})')
    return (f"{reader(model, operation)}\n{{\n    {request} request;\n    TRY({read});\n"
            f"{checks(operation)}    return request;\n}}\n\n{token_body(operation)}"
            f"{writer(model, operation)}\n{{\n    return {write};\n}}\n\n")


def all_structures(model):
    own = [part for one in model.operations for part in (one.request, one.reply)]
    return list({one.name: one for one in [*model.structures.values(), *own]}.values())


def shapes_header(model):
    text = MADE.format(service=model.service)
    text += '#pragma once\n\n#include "shape.hpp"\n\n'
    text += f"namespace karat::wire::{model.service}::shapes {{\n\n"
    text += "".join(f"extern Shape const {one.name};\n" for one in all_structures(model))
    return text + f"\n}} // namespace karat::wire::{model.service}::shapes\n"


def source(model, part):
    own = [one for operation in part.operations for one in (operation.request, operation.reply)
           if one.name not in model.structures]
    structures = [*part.structures, *own]
    text = MADE.format(service=model.service)
    text += f'#include "{model.service}_shapes.hpp"\n\n'
    text += '#include "reader.hpp"\n#include "request.hpp"\n#include "writer.hpp"\n\n'
    text += f'#include "{part.door(model.service)}"\n\n'
    text += f"#include <cstddef>\n\nnamespace karat::wire::{model.service} {{\n\n"
    used = {member.words["enum"] for one in structures if one.read for member in one.members
            if "enum" in member.words}
    for name in sorted(used):
        text += f"constexpr std::string_view k{name}[] = {{{words(model.enums[name])}}};\n"
    text += "\n" + "".join(table(one, model) for one in structures)
    text += "".join(bodies(model, one) for one in part.operations)
    return text + f"}} // namespace karat::wire::{model.service}\n"


def files(model):
    service = model.service
    made = {
        f"include/karat/wire/{service}_operations.hpp": operations(model),
        f"{service}_shapes.hpp": shapes_header(model),
    }
    for part in parts(model):
        made[f"include/{part.door(service)}"] = door(model, part)
        made[f"{service}_{part.name or 'all'}.cpp"] = source(model, part)
    if model.subjects:
        made[f"include/karat/wire/{service}.hpp"] = all_doors(model)
    return made
