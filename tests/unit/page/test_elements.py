"""What others wrote stays text."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import example, given
from hypothesis import strategies as st

from ingest.formatting import clean
from ingest.reporting.page.elements import element, markup


class Seen(HTMLParser):
    """What a browser would see: tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text(), st.text())
@example("<script>alert(1)</script>", '" onload="alert(1)')
@example("&lt;b&gt; \x00 \ud800 </td>", "'><img src=x>")
def test_a_hostile_text_is_text_and_a_hostile_attribute_a_value(text: str, value: str) -> None:
    seen = Seen(markup(element("p", text, element("b", "end"), text, aria_label=value)))

    assert seen.tags == ["p", "b"]
    assert seen.text == f"{clean(text)}end{clean(text)}"
    assert seen.attributes == [("aria-label", clean(value))]


def test_numbers_are_short_and_nothing_is_left_out() -> None:
    assert markup(element("rect", None, x=1.0, y=2.506, rx=None)) == '<rect x="1" y="2.51"></rect>'
