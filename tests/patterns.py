"""Every regular expression of the package, and how long 50,000 characters of its worst cases take it.

`python -m tests.patterns` prints a line for each. One that needs more than a second of a processor's time is ended
by the system, and the program with it: those in linear time need a tenth of that, those in quadratic time many
seconds, as there are a thousand million pairs of places, and none is looked at in less than a nanosecond.

Tools that find such texts (regexploit, recheck) do not know possessive groups, of which ours are made. So the texts are
made here, from Python's own parse of the pattern: what stands before a repeat, then over and over what it repeats, then
what it does not end with. All are tried at a length at which quadratic time shows, and the slowest at the whole one.
"""

from __future__ import annotations

import ast
import importlib
import itertools
import re
import signal
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import regex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

PACKAGE = Path(__file__).parents[1] / "ingest"
_LENGTH = 50_000  # characters
_SHOWS_AT = 500  # characters
_WORST = 4
_CPU_SECONDS = 1.0
_MOST_PIECES = 8
_FUNCTIONS = {"compile", "search", "match", "fullmatch", "split", "findall", "finditer", "sub", "subn"}
_AT_ONE_PLACE = {"match", "fullmatch"}

# Those that are put together or chosen while the program runs, by where: how they are used, and what they come to.
_MADE_LATER = {
    "ingest.redaction": ("finditer", "[r'(?<![^\\W_])s3cr3t(?![^\\W_])']"),
    "ingest.terminal.passages": ("finditer", "['|'.join(map(re.escape, ('(a+)+$', 'passage', '道')))]"),
    "ingest.sources.globs": ("match", "[_name('*a*a*a*a*a*a*a*a*a*b'), _name('a*[!b]?*[[:space:]a-f]*')]"),
    "ingest.sources.ignoring": ("match", "[read_rules('*a*a*a*a*b\\n*b*b*c\\n**').names]"),
    "ingest.sources.csv_rows": ("match", r"""[r'[ ]*"((?:[^"]|"(?![ ]*(?:,|\Z)))*+)"[ ]*(?=,|\Z)']"""),
    "ingest.chunker.finer": ("finditer", "[_GRAPHEME, _JOINING]"),
    "ingest.database.refusals": ("finditer", "[words for words, _ in (*_AT_CONNECT, *_GRANTS)]"),
}
_PARSER: Any = importlib.import_module("re._parser")


@dataclass(frozen=True)
class Use:
    """A pattern, the module it stands in, and whether it is tried at one place only or searched for."""

    module: str
    pattern: re.Pattern[Any] | regex.Pattern[Any]
    method: str

    def __str__(self) -> str:
        given = self.pattern.pattern
        shown = given if isinstance(given, str) else given.decode("latin-1")
        shown = ascii(shown)[1:-1].replace("\\\\", "\\")
        return f"{self.module:35} {self.method:9} {shown if len(shown) < 100 else shown[:99] + '…'}"

    def run(self, text: str) -> None:
        """Look for it in a text, to the end."""
        subject: Any = text.encode("latin-1", "replace") if isinstance(self.pattern.pattern, bytes) else text
        if self.method == "finditer":
            deque(self.pattern.finditer(subject), 0)
        else:
            getattr(self.pattern, self.method)(subject)


def uses() -> list[Use]:
    """Every pattern of the package, found in its source: none is forgotten."""
    found: dict[tuple[Any, ...], Use] = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        source = file.read_text(encoding="utf-8")
        if "re." in source or "regex." in source:
            for use in _uses_in(".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts), ast.parse(source)):
                found[use.module, use.pattern.pattern, use.pattern.flags, use.method] = use
    return list(found.values())


def _uses_in(module: str, tree: ast.Module) -> Iterator[Use]:
    above = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re" | "regex" as library), attr=function)) if (
                function in _FUNCTIONS
            ):
                method = _method(tree, above, node) if function == "compile" else function
                yield from _made(module, library, node, method if method in _AT_ONE_PLACE else "finditer")
            case ast.ImportFrom(module="re" | "regex" | "fnmatch"):
                raise AssertionError(f"{module} imports from {node.module}: its patterns would not be found")


def _made(module: str, library: str, call: ast.Call, method: str) -> Iterator[Use]:
    """The pattern that a call is given, compiled."""
    flags = 0
    for argument in (*call.args[1:], *(keyword.value for keyword in call.keywords)):
        if isinstance(argument, ast.Attribute | ast.BinOp) and ast.unparse(argument).startswith(f"{library}."):
            flags = int(_value(module, argument))
    compiler = {"re": re, "regex": regex}[library]
    try:
        yield Use(module, compiler.compile(_value(module, call.args[0]), flags), method)
    except NameError:
        assert module in _MADE_LATER, f"{module}:{call.lineno}: say in _MADE_LATER what this pattern comes to"
        method, expression = _MADE_LATER[module]
        for pattern in _value(module, ast.parse(expression, mode="eval").body):
            yield Use(module, compiler.compile(pattern, flags), method)


def _value(module: str, expression: ast.expr) -> Any:
    return eval(compile(ast.Expression(expression), module, "eval"), vars(importlib.import_module(module)))


def _method(tree: ast.Module, above: dict[ast.AST, ast.AST], call: ast.Call) -> str:
    """What a compiled pattern is asked for: the dearest of it."""
    parent = above[call]
    if isinstance(parent, ast.Attribute):
        return parent.attr
    names = parent.targets if isinstance(parent, ast.Assign) else []
    name = names[0].id if names and isinstance(names[0], ast.Name) else None
    loads = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name]
    asked = {
        parent.attr if isinstance(parent := above[load], ast.Attribute) else "finditer"
        for load in loads
        if isinstance(load.ctx, ast.Load)
    }
    return asked.pop() if len(asked) == 1 else "finditer"


def attacks(pattern: re.Pattern[Any] | regex.Pattern[Any]) -> Iterator[Callable[[int], str]]:
    """Texts of any length that may take a pattern long."""
    given = pattern.pattern
    parsed = given.decode("latin-1") if isinstance(given, bytes) else given
    pieces = _Pieces()
    try:
        tree = _PARSER.parse(parsed, pattern.flags & ~re.UNICODE if isinstance(given, bytes) else pattern.flags)
    except re.error:  # one of `regex`
        pieces.words.update(dict.fromkeys(("\u0300", "\u200d", "\r", "\U0001f1e6", "\U0001f468", "a")))
    else:
        pieces.walk(tree, "")
    befores = ["", *_first(pieces.befores)]
    words = list(dict.fromkeys((*_first(pieces.words), *_first(pieces.befores), " ", "a")))
    ends = ("", "\0")
    pairs = ["".join(pair) for pair in itertools.permutations(words, 2)]
    alone, paired = itertools.product(befores, words, ends), itertools.product(("", befores[-1]), pairs, ends)
    for before, word, end in itertools.chain(alone, paired):
        yield lambda size, b=before, w=word, e=end: b + w * (size // len(w)) + e  # type: ignore[misc]
    for first, second, end in itertools.product(words, words, ends):
        # Halves; and many beginnings, each with a long rest of its own.
        yield lambda size, f=first, s=second, e=end: f * (size // 2 // len(f)) + s * (size // 2 // len(s)) + e  # type: ignore[misc]
        yield lambda size, f=first, s=second, e=end: _each_with_a_rest(f, s, size) + e  # type: ignore[misc]


def _each_with_a_rest(first: str, rest: str, size: int) -> str:
    each = first + rest * min(500, size // 4 // len(rest))
    return each * (size // len(each))


def _first(found: Iterable[str]) -> list[str]:
    return [each for each in sorted(dict.fromkeys(found), key=len) if each][:_MOST_PIECES]


class _Pieces:
    """What texts are made of that come near to a match: beginnings of one, and what it repeats or consists of."""

    def __init__(self) -> None:
        self.befores: dict[str, None] = {}
        self.words: dict[str, None] = {}
        self._groups: dict[int, str] = {}

    def walk(self, items: Any, before: str) -> str:
        """A short text that the items match; what stands before it leads there."""
        text = ""
        for operator, value in items:
            text += self._one(str(operator), value, before + text)
            self.befores[before + text] = None
        return text

    def _one(self, operator: str, value: Any, before: str) -> str:  # noqa: PLR0911 - one for each operator
        match operator:
            case "LITERAL":
                text = chr(value)
            case "NOT_LITERAL":
                text = "a" if value != ord("a") else "b"
            case "ANY":
                text = "a"
            case "IN":
                text = self._member(value)
            case "BRANCH":
                return min((self.walk(each, before) for each in value[1]), key=len)
            case "SUBPATTERN":
                text = self.walk(value[3], before)
                self._groups[value[0]] = text
                return text
            case "ATOMIC_GROUP":
                return self.walk(value, before)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                least, most, body = value
                text = self.walk(body, before)
                self.words[text] = None
                return text * int(max(least, min(most, 1)))
            case "ASSERT" | "ASSERT_NOT":
                if value[0] > 0:
                    self.walk(value[1], before)
                return ""
            case "GROUPREF":
                return self._groups.get(value, "")
            case "GROUPREF_EXISTS":
                return self.walk(value[1], before)
            case _:  # AT, FAILURE
                return ""
        self.words[text] = None
        return text

    def _member(self, items: Any) -> str:
        """A character of a set; each kind of what is in it is a word."""
        named = {"CATEGORY_DIGIT": "0", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a", "CATEGORY_NOT_SPACE": "a"}
        inside: list[str] = []
        ranges: list[tuple[int, int]] = []
        negated = False
        for operator, value in items:
            match str(operator):
                case "NEGATE":
                    negated = True
                case "LITERAL":
                    inside.append(chr(value))
                case "RANGE":
                    inside.append(chr(value[0]))
                    ranges.append(value)
                case "CATEGORY":
                    inside.append(named.get(str(value), "!"))
        if negated:
            return next(
                each
                for each in "a -<`\n\x00"
                if each not in inside and not any(low <= ord(each) <= high for low, high in ranges)
            )
        self.words.update(dict.fromkeys(inside))
        return inside[0]


def worst(use: Use) -> tuple[float, str]:
    """The processor's time in seconds that its worst cases take a pattern, and how the slowest begins."""

    def timed(attack: Callable[[int], str], size: int) -> float:
        text = attack(size)
        signal.setitimer(signal.ITIMER_PROF, _CPU_SECONDS)  # the system ends us then, whatever we are at
        began = time.process_time()
        use.run(text)
        return time.process_time() - began

    tried = sorted(attacks(use.pattern), key=lambda attack: timed(attack, _SHOWS_AT), reverse=True)[:_WORST]
    taken, attack = max(((timed(attack, _LENGTH), attack) for attack in tried), key=lambda pair: pair[0])
    return taken, attack(40)


def main() -> None:
    """Print each pattern, of the package or given, with the time that its worst cases take it."""
    given = [Use("given", re.compile(pattern, re.MULTILINE), "finditer") for pattern in sys.argv[1:]]
    for use in given or uses():
        print(use, end="", flush=True)  # noqa: T201
        taken, example = worst(use)
        print(f"  {taken:.3f} s  {example[:40]!a}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
