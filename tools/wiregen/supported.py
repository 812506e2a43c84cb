# SPDX-License-Identifier: Apache-2.0
"""The page docs/supported.md: what a client may call and say."""

HEAD = """# What Karat supports

Made by `tools/wiregen/generate.py --supported` from `src/wire/models`; do not edit. A parameter with
`*` is required, one with `.N` is a list. Every ec2 operation takes `DryRun` too.
"""


def parameter(member):
    return f"{member.query}{'.N' if member.is_list else ''}{'*' if member.required else ''}"


def page(models):
    text = HEAD
    for model in models:
        operations = sorted(model.operations, key=lambda operation: operation.name)
        text += f"\n## {model.service} {model.head['version']}: {len(operations)} operations\n\n"
        for operation in operations:
            members = [one for one in operation.request.members if one.name != "DryRun"]
            listed = ", ".join(sorted(map(parameter, members)))
            text += f"- **{operation.name}**{': ' if listed else ''}{listed}\n"
    return text
