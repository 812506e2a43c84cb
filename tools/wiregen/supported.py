# SPDX-License-Identifier: Apache-2.0
"""The page docs/supported.md: what a client may call and say."""

import pathlib
import re

TABLE = pathlib.Path(__file__).parents[2] / "tests/parameters.txt"

HEAD = """# What Karat supports

Made by `tools/wiregen/generate.py --supported` from `src/wire/models` and `tests/parameters.txt`; do not
edit. A parameter with `*` is required, one with `.N` is a list. Every ec2 operation takes `DryRun` too.
Below an operation stand the parameters that are refused by name: as the model says, in full or all but
the values that are named; by a handler, with a value that is refused and with the error's code if it is not
`UnsupportedOperation` (`ValidationException` in ebs). Then those that are taken and mean nothing here. All others have their effect.
`parameters_test` tries each. A value that is none of an enumeration is refused everywhere.
"""
USUAL = {"UnsupportedOperation", "ValidationException"}
# A row may prove that a parameter is read by a value that finds nothing, or that contradicts.
PROOFS = re.compile(r"NotFound|Mismatch|Conflict|Pagination")


def refusal(parameter, code, *words):
    """"Placement.Tenancy=dedicated", and the code if it is an unusual one."""
    code = code.split("/")[0]
    plain = {re.sub(r"\.\d+(?=[.=])", "", word) for word in words}
    said = next((word for word in sorted(plain) if word.startswith(parameter + "=")), parameter)
    if "$" in said or len(said) > 100:
        said = parameter
    return said if code in USUAL else f"{said} ({code})"


def judged():
    """Of each operation: what is refused, and what means nothing, with the reason."""
    refused, nothing = {}, {}
    operation = ""
    for line in TABLE.read_text().splitlines():
        words = line.split()
        if line.startswith("== "):
            operation = words[1]
        elif len(words) > 2 and words[1] == "refused" and not PROOFS.search(words[2]):
            refused.setdefault(operation, []).append(refusal(*words[:1], *words[2:]))
        elif len(words) > 2 and words[1] == "nothing":
            nothing.setdefault(operation, []).append(f"{words[0]} ({line.split(' # ')[1]})")
    return refused, nothing


def refused_by_model(model, structure, prefix=""):
    """Path -> what docs say, of all that the reader refuses; a refused structure stands for its parts."""
    found = {}
    for member in structure.members:
        path = prefix + member.query
        if "refuse" in member.words:
            found[path] = path
        elif member.offered:
            found[path] = f"{path} other than {' or '.join(member.offered)}"
        elif member.is_structure:
            found |= refused_by_model(model, model.structures[member.type], path + ".")
    return found


def refusals(model, operation, by_table):
    """Those of the model, and of the table what the model does not say."""
    by_model = refused_by_model(model, operation.request)
    says = [said for said in by_table if not any(
        re.match(re.escape(path) + r"(?![A-Za-z])", said) for path in by_model)]
    return sorted([*by_model.values(), *says])


def parameter(member):
    return f"{member.query}{'.N' if member.is_list else ''}{'*' if member.required else ''}"


def page(models):
    text = HEAD
    refused, nothing = judged()
    for model in models:
        operations = sorted(model.operations, key=lambda operation: operation.name)
        text += f"\n## {model.service} {model.head['version']}: {len(operations)} operations\n\n"
        for operation in operations:
            members = [one for one in operation.request.members if one.name != "DryRun"]
            listed = ", ".join(sorted(map(parameter, members)))
            text += f"- **{operation.name}**{': ' if listed else ''}{listed}\n"
            if says := refusals(model, operation, refused.get(operation.name, [])):
                text += f"  - refused: {', '.join(says)}\n"
            if operation.name in nothing:
                text += f"  - without meaning: {', '.join(sorted(nothing[operation.name]))}\n"
    return text
