#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""README.md, docs/operating.md and ARCHITECTURE.md say what is true: every command, option, setting, operation, log
event, path and quoted message in them is there, and no limit that they name is gone. docs_test.py KARAT KARATD.
A new word that the test does not know either is a mistake in the page or belongs in WORDS below."""
import re
import subprocess
import sys

from pages import ROOT, Page, commands, split_commands
from registry import Registry, kebab

PAGES = [Page(name) for name in ("README.md", "docs/operating.md", "ARCHITECTURE.md")]
README, OPERATING, ARCHITECTURE = PAGES
problems = []
used = set()

# Programs of the system that the pages call, and words of other people's making.
PROGRAMS = {"cat", "chmod", "cmake", "curl", "dmesg", "du", "export", "initdb", "install", "journalctl", "kill", "ln", "ls",
            "node", "pg_dump", "rsync", "source", "sqlite3", "ss", "ssh", "sudo", "sysctl", "systemctl"}
WORDS = {
    "coldsnap": "a client", 'boto3.client("ebs")': "a client", "endpoint_url=": "boto3's", "AWS_ENDPOINT_URL": "aws's",
    "x-amz-Checksum": "a header of EBS direct", "demo": "the account of ./dev demo", "webserver-v1": "an image's name in the examples",
    "~/.pgpass": "PostgreSQL's",
    "KillMode=process": "systemd's", "MemoryMax=": "systemd's", "PrivateTmp=": "systemd's",
    "kernel.unprivileged_userns_clone": "Linux's", "user.max_user_namespaces": "Linux's",
    "kvm_amd": "a kernel module", "kvm_intel": "a kernel module", "#!": "how a script begins",
}
OF_THE_SYSTEM = {"Address already in use"}


def complain(page, number, text):
    problems.append(f"{page.name}:{number}: {text}")


def known_command(registry, words):
    """None when the words are a command line that works; a complaint otherwise; False when they are none."""
    name = words[0].split("/")[-1] if words[0] != "./dev" else "./dev"
    if name == "karat":
        return registry.karat.complaint(words[1:])
    if name == "karatd":
        for i, word in enumerate(words[1:]):
            if word.startswith("-") and word not in registry.karatd_options:
                return f"karatd has no option {word}"
            if words[i] == "--set" and word.split("=")[0] not in registry.settings:
                return f"there is no setting {word}"
        return None
    if name == "./dev":
        if words[1:] and words[1] not in registry.dev_verbs:
            return f"./dev has no verb {words[1]}"
        missing = [word for word in words[1:] if word.startswith("--") and word not in registry.dev_help]
        return f"./dev help does not name {missing}" if missing else None
    if name == "aws":
        return registry.service_complaint([word for word in words if not word.startswith("http")])
    if name in PROGRAMS:
        used.add(name)
        return None
    return False


def check_blocks(registry):
    for page in (README, OPERATING):
        for first, block in page.blocks():
            if re.match(r"# /etc|\[\w+\]|\d{4}-", block[0]):
                continue  # a unit of systemd; a log line
            for words in commands(block):
                complaint = known_command(registry, words)
                if complaint is not None:
                    complain(page, first, complaint or f"what is {words[0]}? (PROGRAMS)")


def looks_up(registry, page, word):
    """Whether a word set as code is something that is there."""
    operations = {kebab(name) for name in registry.operations}
    defaults = "\n".join(default for _, default in registry.settings.values())
    bare = word.strip("…*").rstrip("=").strip('".')
    key, equals, value = (part.strip() for part in word.partition("="))
    return any((
        bare in registry.settings, bare in registry.members, bare in registry.events, bare in registry.literals,
        bare.removeprefix("store.") in registry.literals,  # karat status
        bare.removesuffix(".so") in registry.targets,
        word.startswith(".") and any(event.endswith(word) for event in registry.events),
        bool(equals) and key in registry.settings and bool(value),
        bool(equals) and key in registry.literals and value in registry.literals,
        word.startswith("--") and known_option(registry, word.split()[0].split("=")[0]),
        word.split()[0] in operations,
        registry.knows_file(word), page is OPERATING and (ROOT / "docs" / word).exists(),
        in_data_directory(word), word.strip('[]') in defaults,
        re.fullmatch(r'"\w+":\w+', word) is not None and word.split('"')[1] in registry.literals,
        re.fullmatch(r"engine\.\w+\(\)", word) is not None and f"Engine::{word[7:]}"[:-1] in registry.programs,
        word.split('::')[-1] in registry.types,
        made_of_literals(registry, word),
    ))


def made_of_literals(registry, word):
    """A name with a placeholder, or a message: each of its parts is in a text of the programs."""
    pieces = [piece for piece in re.split(r"NAME|\bID\b|\bN\b|…/?\w*|catalog\.sqlite", word) if piece]
    return pieces != [word] and all(len(piece) > 3 and piece in registry.messages for piece in pieces)


def known_option(registry, option):
    name = option.removeprefix("--")
    return any(option in one.options for one in registry.karat.all()) or option in registry.karatd_options or \
        option in registry.dev_help or {name, name.removeprefix("no-")} & {kebab(member) for member in registry.members} or \
        option in ("--endpoint-url", "--count")  # aws's own


def data_directory():
    return [line for line in OPERATING.section("## The data directory") if line.startswith("|")]


def in_data_directory(word):
    """A path that the table of the data directory names, or one below a folder of it."""
    names = [re.sub(r"<[^>]*>", "*", name) for line in data_directory() for name in re.findall(r"`([^`]+)`", line)]
    shape = re.sub(r"<[^>]*>", "*", word).rstrip("/")
    return any(one in (name.rstrip("/"), name.split("/")[-1]) or (name.endswith("/") and one.startswith(name))
               or name.startswith(one + "/") for name in names for one in (shape, "store/" + shape)) or \
        any(shape == f"{name}{part}" for name in names for part in names if part.startswith("-")) or \
        re.fullmatch(r"run/(machines/)?\*?[\w./*-]+\.(pid|log)", shape) is not None


def check_words(registry):
    for page in PAGES:
        for number, word in page.words():
            try:
                parts = split_commands(word)
            except ValueError:
                parts = []
            complaint = known_command(registry, parts[0]) if parts else False
            if complaint is None or (complaint is False and looks_up(registry, page, word)):
                continue
            if word in WORDS:
                used.add(word)
                continue
            complain(page, number, complaint or f"nothing is called {word}")
        for number, line in page.prose():
            for name in re.findall(r"\b(?:Describe|Create|Delete|Copy|Run|Start|Stop|Reboot|Terminate|Register|Deregister|"
                                   r"Modify|Attach|Detach|Put|Get|List|Complete|Import|Export)[A-Z]\w+\b", line):
                if name not in registry.operations:
                    complain(page, number, f"the operation {name} is not offered")


def events_of_the_page():
    """The log events of the table, with ".stopped" after "instance.running" written out."""
    events, family = {}, ""
    for number, line in enumerate(OPERATING.lines, 1):
        if not line.startswith("|") or not re.search(r"\| (info|warn|error)\b", line):
            continue
        for name in re.findall(r"`([a-z_.]+)`", re.sub(r"in `[^`]*`:", "", line.split("|")[1])):
            name = family + name if name.startswith(".") else name
            family = name.split(".")[0]
            events[name] = number
    return events


def check_events(registry):
    told = events_of_the_page()
    for name, number in told.items():
        if name not in registry.events:
            complain(OPERATING, number, f"nothing logs {name}")
    for name in sorted(registry.events - set(told)):
        complain(OPERATING, 0, f"the table of log events lacks {name}")


def check_settings(registry):
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", "\n".join(OPERATING.section("## Settings")), re.M))
    for name, (sentence, default) in registry.settings.items():
        shown = re.sub(r"`", "", rows.pop(name, "")).replace(" | ", "\n")
        if shown != f"{default}\n{sentence}":
            complain(OPERATING, 0, f"the setting {name} is described as {shown!r}, karatd says {default!r}, {sentence!r}")
    for name in rows:
        complain(OPERATING, 0, f"there is no setting {name}")


def check_messages(registry):
    """What the page quotes as a message is what a program says."""
    for page in (README, OPERATING):
        for number, line in page.prose():
            for quote in re.findall(r'"([^"`]{12,})"', re.sub(r"`[^`]*`", "", line)):
                for piece in re.split(r"…|\bsnap-\S*|\bami-\S*", quote):
                    piece = piece.strip(" .,':")
                    if len(piece) > 5 and piece not in registry.messages and piece not in OF_THE_SYSTEM:
                        complain(page, number, f'no program says "{piece}"')


def check_links():
    """Of every page of the tree."""
    names = subprocess.run(["git", "ls-files", "--cached", "*.md"], cwd=ROOT, text=True, capture_output=True).stdout.split()
    for page in (Page(name) for name in names or [page.name for page in PAGES]):
        for number, line in page.prose():
            for target in re.findall(r"\]\(([^)]+)\)", line):
                path, _, anchor = target.partition("#")
                place = ((ROOT / page.name).parent / path).resolve() if path else ROOT / page.name
                if target.startswith("http"):
                    continue
                if not place.exists():
                    complain(page, number, f"the link to {target} leads nowhere")
                elif anchor and anchor not in Page(str(place.relative_to(ROOT))).anchors():
                    complain(page, number, f"{path or page.name} has no heading {anchor}")


def check_room_tables():
    """The files that a room's README lists are there: a name without its ending is any file that begins so."""
    for readme in sorted((ROOT / "src").glob("*/README.md")):
        page = Page(str(readme.relative_to(ROOT)))
        for number, line in page.prose():
            listed = re.match(r"\| (`[^|]*)\||- (`[^`]*`(?:, `[^`]*`)*)", line)
            for name in re.findall(r"`([^`]+)`", "".join(filter(None, listed.groups())) if listed else ""):
                shape = re.sub(r"<[^>]*>|…", "*", name)
                if not any(list(readme.parent.glob(one)) for one in (shape, f"{shape}*", f"**/{shape}", f"**/{shape}.*")):
                    complain(page, number, f"the room has no {name}")


def check_limits(registry):
    """Each limit that a page names, and how we know that it is still one."""
    source = registry.programs
    packages = (ROOT / "packages.txt").read_text()
    limits = {
        "One host.": lambda: "host" not in registry.karat.commands and 'kHost = "local"' in source,
        "User network: a guest": lambda: "slirp" in packages,
        "No VPC between instances yet": lambda: not {"CreateVpc", "CreateSubnet"} & registry.operations,
        "No HTTPS yet": lambda: not re.search(r"SSL_CTX|ssl::stream", source) and
        not any(re.search("tls|https|cert", name) for name in registry.settings),
        "Images are x86_64": lambda: "aarch64" not in source + packages and "arm64" not in packages,
        "No scanning of their contents yet": lambda: "scan" not in registry.karat.commands and
        not (ROOT / "src/scan").exists(),
        "There is no package yet": lambda: not (ROOT / "debian").exists(),
        "Off by default": lambda: registry.settings["cache_mib"][1].startswith("0 "),
    }
    for page in (README, OPERATING):
        lines = page.section("## Limits known today") if page is README else []
        text = re.sub(r"\s+", " ", " ".join(line for _, line in page.prose()))
        denials = [line[2:] for line in lines if line.startswith("- ")] + \
            re.findall(r"(?:^|[.:-] )((?:No|There is no|Not)\b[^.;]*\byet\b)", text)
        for denial in denials:
            key = next((key for key in limits if denial.startswith(key)), None)
            if key is None:
                complain(page, 0, f'how is this known to be true? (check_limits) "{denial[:60]}"')
        for key, holds in limits.items():
            if key in text:
                used.add(key)
                if not holds():
                    complain(page, 0, f'"{key}" is no longer true')
    for key in limits.keys() - used:
        problems.append(f'tests/docs/docs_test.py: no page says "{key}" any more: take it out')


def check_rooms(registry):
    """The map's life of requests names files in the order of the rooms; that they exist is check_words()."""
    for verb in ("images", "run_instances", "create_image", "put_block"):
        if not re.search(rf"\bEngine::{verb}\(", registry.programs):
            problems.append(f"ARCHITECTURE.md tells the life of a request through engine.{verb}(), which is gone")


def check_help(registry):
    for one in registry.karat.all():
        if not re.match(r"\w.{5,}", one.help):
            problems.append(f"{one.path} --help does not begin with what it does")
        told = "|".join((OPERATING.text + README.text).split("karat ")) # "store check|scrub" is both
        if not one.commands and not re.search(rf"\|{one.path[6:].replace(' ', r'[ a-z|]*[ |]')}\b", told):
            problems.append(f"neither README.md nor docs/operating.md names {one.path}")


def main():
    registry = Registry(*sys.argv[1:3])
    assert registry.karat.commands and registry.settings and len(registry.operations) > 50 and len(registry.events) > 50
    for check in (check_blocks, check_words, check_events, check_settings, check_messages, check_limits, check_rooms,
                  check_help):
        check(registry)
    check_links()
    check_room_tables()
    for word in (PROGRAMS | WORDS.keys()) - used:
        problems.append(f"tests/docs/docs_test.py: no page uses {word!r} any more: take it out")
    print("\n".join(problems) or "the pages say what is true")
    sys.exit(1 if problems else 0)


main()
