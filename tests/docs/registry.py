# SPDX-License-Identifier: Apache-2.0
"""What Karat really offers: commands, options, settings, operations, log events, messages, files."""
import json
import re
import subprocess

from pages import ROOT

SOURCE_KINDS = (".cpp", ".hpp", ".py", ".sh", ".sql")


def run(*words):
    done = subprocess.run(words, text=True, capture_output=True)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


class Command:
    """A command line program, or one of its commands, as its --help tells."""

    def __init__(self, words, path=()):
        text = run(*words, *path, "--help")
        self.path = " ".join(("karat", *path))
        self.help = text
        self.options = set(re.findall(r"(--[a-z][a-z-]*)", "\n".join(re.findall(r"^  (-.*)$", text, re.M))))
        below = text.split("Subcommands:")[1] if "Subcommands:" in text else ""
        names = re.findall(r"^  ([a-z][a-z-]*)\s", below, re.M)
        self.commands = {name: Command(words, (*path, name)) for name in names}

    def all(self):
        yield self
        for one in self.commands.values():
            yield from one.all()

    def complaint(self, words):
        """What is wrong with these words as a command line; "|" between names means each of them."""
        at, known = self, set(self.options)
        for word in words:
            if word.startswith("-"):
                if word.split("=")[0] not in known:
                    return f"{at.path} has no option {word}"
            elif at.commands:
                for name in word.split("|"):
                    if name not in at.commands:
                        return f"{at.path} has no command {name}"
                at = at.commands[word.split("|")[0]]
                known |= at.options
        return None


def kebab(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()


class Registry:
    def __init__(self, karat, karatd):
        self.karat = Command([karat])
        self.karatd_options = set(re.findall(r"--[a-z][a-z-]*", run(karatd, "--help")))
        self.settings = self.read_settings(run(karatd, "--settings"))
        self.dev_help = run(ROOT / "dev", "help")
        self.dev_verbs = {"help", *re.findall(r"^\./dev (\w+)", self.dev_help, re.M)}
        self.services = {}
        for path in (ROOT / "src/wire/models").glob("*.json"):
            self.services[path.stem] = json.loads(path.read_text())
        self.members = set(re.findall(r'"(\w+)":', "".join(json.dumps(model) for model in self.services.values())))
        self.operations = {name for model in self.services.values() for name in model["operations"]}
        self.sources = {path: path.read_text() for folder in ("src", "tools", "tests", "bench", "images")
                        for path in (ROOT / folder).rglob("*")
                        if path.suffix in SOURCE_KINDS and path.parent != ROOT / "tests/docs"}
        programs = "\n".join(text for path, text in self.sources.items()
                             if path.is_relative_to(ROOT / "src") and not path.name.endswith("_test.cpp"))
        self.programs = programs
        recipes = [ROOT / "CMakeLists.txt", *ROOT.glob("cmake/*.cmake"), *ROOT.glob("src/*/room.cmake")]
        self.targets = set(re.findall(r"add_(?:executable|library)\(([\w-]+)", "".join(one.read_text() for one in recipes)))
        self.types = set(re.findall(r"\b(?:class|struct|define) (\w+)", programs))
        joined = re.sub(r'"\s*\n\s*"', "", programs)
        self.literals = set(re.findall(r'"((?:[^"\\\n]|\\.)*)"', joined))
        self.messages = "\n".join(text.replace('\\"', '"') for text in self.literals)
        self.events = self.read_events(programs)

    @staticmethod
    def read_settings(text):
        rows = re.findall(r"^(\S+)\n    (.*)\n    default: (.*)$", text, re.M)
        return {key: (sentence, default) for key, sentence, default in rows}

    @staticmethod
    def read_events(text):
        """Every event that may be logged, but for debugging."""
        events = set()
        for call in re.findall(r"\b(?:log|format_log_line)\(((?:[^;{]|\{(?!\{))*)", text):
            if "Level::" not in call or re.match(r"\s*Level::debug", call):
                continue
            # the values of fields come after the first brace
            events |= set(re.findall(r'"([a-z_]+(?:\.[a-z_]+)*)"', call.split("{")[0]))
        return events

    def service_complaint(self, words):
        """What is wrong with an aws command line."""
        names = [word for word in words[1:] if not word.startswith("-")]
        if not names:
            return None
        service = self.services.get(names[0])
        if service is None:
            return f"the service {names[0]} is not offered"
        if len(names) == 1 or names[1] == "…":
            return None
        operation = next((name for name in service["operations"] if kebab(name) == names[1]), None)
        return None if operation else f"aws {names[0]} {names[1]} is not offered"

    def knows_file(self, word):
        """Whether the tree has it: from the root, from src/, or below some room; NNN, <word> and … stand for anything."""
        shape = re.sub(r"<[^>]*>|NNN|…", "*", word).rstrip("/")
        if not re.fullmatch(r"[\w-][\w./*-]*", shape) or "**" in shape:
            return False
        room, _, rest = shape.partition("/")
        places = [(ROOT, shape), (ROOT / "src", shape), (ROOT / "src", f"*/{shape}"), (ROOT / "images", shape),
                  (ROOT / "src", f"{room}/include/karat/{rest}")]
        return any(True for base, pattern in places for _ in base.glob(pattern))
