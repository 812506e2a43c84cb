# SPDX-License-Identifier: Apache-2.0
"""The pages that people read, taken apart: shell blocks, words set as code, prose, links."""
import pathlib
import re
import shlex

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Page:
    def __init__(self, name):
        self.name = name
        self.text = (ROOT / name).read_text()
        self.lines = self.text.split("\n")

    def blocks(self):
        """Every block of indented lines: the number of its first line (from 1), and its lines without the indent."""
        found, block, before = [], [], ""
        for number, line in enumerate([*self.lines, ""], 1):
            if line.startswith("    ") and (block or not before.strip()):
                block.append(line[4:])
            elif block:
                found.append((number - len(block), block))
                block = []
            before = line
        return found

    def prose(self):
        """Numbered lines outside blocks."""
        inside = {first + i for first, block in self.blocks() for i in range(len(block))}
        return [(number, line) for number, line in enumerate(self.lines, 1) if number not in inside]

    def words(self):
        """Every word set as code in the prose, with its line's number."""
        return [(number, word) for number, line in self.prose() for word in re.findall(r"`([^`]+)`", line)]

    def section(self, heading):
        """The lines below a heading, to the next one of its rank or above."""
        start = self.lines.index(heading)
        rank = heading.split(" ")[0]
        for end in range(start + 1, len(self.lines)):
            if self.lines[end].startswith("#") and len(self.lines[end].split(" ")[0]) <= len(rank):
                return self.lines[start + 1:end]
        return self.lines[start + 1:]

    def anchors(self):
        titles = [line.lstrip("#").strip() for line in self.lines if re.match(r"#+ ", line)]
        return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def commands(block):
    """The command lines of a shell block as lists of words; a line is its own unless a quote goes on in the next.
    What stands in $( ) or behind && | ; is a command of its own."""
    found, pending = [], ""
    for line in block:
        pending += line
        try:
            shlex.split(pending, comments=True)
        except ValueError:
            pending += "\n"
            continue
        found += split_commands(pending)
        pending = ""
    return found


def split_commands(line):
    inner = re.findall(r"\$\(([^()]*)\)", line)
    line = re.sub(r"\$\([^()]*\)", "SUBSTITUTED", line)
    found = [command for one in inner for command in split_commands(one)]
    reader = shlex.shlex(line, posix=True, punctuation_chars="&|;<>")
    reader.whitespace_split = True
    words = []
    for word in reader:
        if word in ("&&", "||", "|", ";", "&"):
            found.append(words)
            words = []
        else:
            words.append(word)
    return [words for words in [*found, words] if words]
