# SPDX-License-Identifier: Apache-2.0
"""Reads a compact model (src/wire/models/*.json) into plain objects.

The operations of a large service are cut into subjects (headers and sources of their own) by
"subjects" at the head: a name and a pattern of operations' names; the first that fits counts.

A member is one line: "TYPE[[]][!] WORD...", where TYPE is a simple type or a structure, [] a list,
! required in requests, and the words are
  query=NAME, xml=NAME, item=NAME   names on the wire where they differ from the protocol's rule
  path, query=NAME, header=NAME, payload   of a rest protocol: where the member stands, if not in the
                                           body's JSON; a payload is the body as it is
  enum=NAME                         all that a request may say
  range=A..B, length=A..B, count=A..B   bounds of a number, of the characters of a text,
                                        of the elements of a list; either side may be open
  among=A|B                         all that a request may say, where the SDK names no enumeration
  even_empty                        present with an empty value counts as given
  refuse                            Karat does not offer it: a request that gives it is refused by
                                    its name
  only=A|B                          of its values Karat offers these; others are refused
  advice=NAME                       of a refusal: what to do instead of leaving it out, in the words
                                    that "advice" at the head of the model has under this name
  const=VALUE                       in a reply: its value, unless a handler says another; a blank is
                                    written as _
"""
import dataclasses
import json
import pathlib
import re

SIMPLE = {
    "string": "std::string", "blob": "std::string", "boolean": "bool", "integer": "std::int32_t",
    "long": "std::int64_t", "double": "double", "timestamp": "Time",
}
KEYWORDS = set("""and asm auto bool break case catch char class const continue default delete do
    double else enum explicit export extern false float for friend goto if inline int long mutable
    namespace new not operator or private protected public register return short signed sizeof
    static struct switch template this throw true try typename union unsigned using virtual void
    volatile while xor""".split())
WORDS = {"query", "xml", "item", "enum", "range", "length", "count", "even_empty", "path", "header",
         "payload", "among", "refuse", "only",
         "advice", "const"}
ITEM = {"ec2": "item", "query": "member", "json": "", "rest": ""}
MOST_READ_MEMBERS = 64  # a bitset in params_reader.cpp


def snake(name):
    """InstanceId -> instance_id, VCpuInfo -> vcpu_info, Return -> return_."""
    name = name.replace("VCpu", "Vcpu").replace("MiB", "Mib").replace("MBps", "Mbps")
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()
    return name + "_" if name in KEYWORDS else name


@dataclasses.dataclass
class Member:
    name: str
    type: str
    is_list: bool
    required: bool
    words: dict
    protocol: str

    @property
    def field(self):
        return snake(self.name)

    @property
    def is_structure(self):
        return self.type not in SIMPLE

    @property
    def place(self):
        """Where a rest protocol has it."""
        found = [word for word in ("path", "query", "header", "payload") if word in self.words]
        return found[0] if found and self.protocol == "rest" else "body"

    @property
    def query(self):
        return self.words.get("header", self.words.get("query", self.name))

    @property
    def xml(self):
        lower_first = self.name[0].lower() + self.name[1:]
        name = self.words.get("header", lower_first if self.protocol == "ec2" else self.name)
        return self.words.get("xml", name)

    @property
    def item(self):
        return self.words.get("item", ITEM[self.protocol])

    @property
    def offered(self):
        """The values that are offered; none: all of them."""
        return self.words["only"].split("|") if "only" in self.words else []

    @property
    def bounds(self):
        for key in ("range", "length", "count"):
            if key in self.words:
                return self.words[key].split("..")
        return None


@dataclasses.dataclass
class Structure:
    name: str
    members: list
    read: bool = False
    written: bool = False
    refuses: bool = False  # a member of it, or of a structure in it, is refused


@dataclasses.dataclass
class Operation:
    name: str
    request: Structure
    reply: Structure  # may be one of the structures, with the name of that
    http: str  # of a rest protocol: "GET /things/{Id} 200"


@dataclasses.dataclass
class Model:
    service: str
    protocol: str
    head: dict
    operations: list
    structures: dict  # name -> Structure, each after those that it holds
    enums: dict
    advice: dict  # name -> what to do instead of what is refused
    subjects: dict  # name -> pattern of the operations that it has

    def subject(self, operation):
        """The first whose pattern the operation's name has; a service without subjects is one."""
        for name, pattern in self.subjects.items():
            if re.search(pattern, operation.name):
                return name
        if self.subjects:
            raise ValueError(f"{operation.name} is of no subject")
        return ""


def parse_member(name, line, protocol):
    first, *rest = line.split(" ")
    match = re.fullmatch(r"(\w+)(\[\])?(!)?", first)
    if not match:
        raise ValueError(f"{name}: cannot read {line!r}")
    words = dict(word.split("=", 1) if "=" in word else (word, "") for word in rest)
    if unknown := words.keys() - WORDS:
        raise ValueError(f"{name}: unknown words {sorted(unknown)}")
    made = Member(name, match[1], bool(match[2]), bool(match[3]), words, protocol)
    if made.is_list and made.type == "boolean":
        raise ValueError(f"{name}: std::vector<bool> has no elements to point at")
    return made


def mark(structure, structures, use, inside=()):
    """Marks what a request reads or a reply writes, down to the leaves."""
    if structure.name in inside:
        raise ValueError(f"{structure.name} holds itself")
    setattr(structure, use, True)
    for member in structure.members:
        if member.is_structure:
            mark(structures[member.type], structures, use, (*inside, structure.name))
    structure.refuses = any("refuse" in member.words or "only" in member.words or
                            member.is_structure and structures[member.type].refuses
                            for member in structure.members)


def inner_first(structures):
    done = {}

    def visit(structure):
        if structure.name in done:
            return
        for member in structure.members:
            if member.is_structure:
                visit(structures[member.type])
        done[structure.name] = structure

    for name in sorted(structures):
        visit(structures[name])
    return done


def load(path):
    raw = json.loads(pathlib.Path(path).read_text())
    protocol = raw["protocol"]

    def structure(name, members):
        return Structure(name, [parse_member(key, line, protocol) for key, line in members.items()])

    structures = {name: structure(name, members) for name, members in raw["structures"].items()}
    operations = []
    for name, parts in raw["operations"].items():
        request = structure(f"{name}Request", parts["request"])
        if protocol == "ec2":  # on every operation, so the models do not say it
            request.members.append(Member("DryRun", "boolean", False, False, {}, protocol))
        reply = parts["reply"]
        reply = structures[reply] if isinstance(reply, str) else structure(f"{name}Result", reply)
        mark(request, structures, "read")
        mark(reply, structures, "written")
        if clash := {request.name, f"{name}Result"} & structures.keys():
            raise ValueError(f"two structures are called {clash}")
        operations.append(Operation(name, request, reply, parts.get("http", "")))
    for one in structures.values():
        if one.read and any("const" in member.words for member in one.members):
            raise ValueError(f"{one.name} is read, so it has no constants")
    for one in [*structures.values(), *(operation.request for operation in operations)]:
        if one.read and len(one.members) > MOST_READ_MEMBERS:
            raise ValueError(f"{one.name} has more than {MOST_READ_MEMBERS} members")
    head = {key: value for key, value in raw.items() if isinstance(value, str)}
    return Model(raw["service"], protocol, head, operations, inner_first(structures), raw["enums"],
                 raw.get("advice", {}), raw.get("subjects", {}))
