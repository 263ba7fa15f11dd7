from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.derive import Document, diff
from pytest_obscheck.derive.tree import parse, plain
from pytest_obscheck.errors import ConfigError

SAMPLES = {
    "empty": "",
    "only a comment": "# only\n",
    "only a document start": "---\n",
    "null value": "a:\n",
    "no line break at the end": "a: 1\nb:\n  c: d",
    "empty collections": "a: {}\nb: []\nc: {}\n",
    "root in flow style": "{a: b, c: [d, {e: f}]}\n",
    "flow with nulls and a comma at the end": "x: {k, y: , z: 1,}\nl: [a, b,]\n",
    "flow over lines with comments": "k: {a: 1, # one\n  b: 2 # two\n  }\n",
    "one pair in a flow list": "a: [p: q, r]\n",
    "lists in lists": "- a: 1\n  b: 2\n- c\n-\n- - d\n  - e\n  -\n    f: 1\n",
    "list as far left as its key": "a:\n# odd\n- b\n# odd\n- c: 1\n  d: 2\nz: 0\n",
    "dashes on lines of their own": "a:\n  -\n    b: 1\n  - # c\n    d: 2\n    # t\n  - e\n",
    "block scalars": "a:\n- x\n- y: |\n    hello\n\n    you\n\n# c\nb: >-\n  fold\n  ed\nc: |+\n  keep\n\n\nd: 1\n",
    "block scalar at the end": "a:\n  b: |2\n      t\n  c: >+\n    x\n\n",
    "block scalar without a line break": "a: |\n  t",
    "byte order mark": "\ufeffa: 1\nb:\n  c: 2 # x\n",
    "Windows line endings": "a: 17:00\r\nb: 1.10\r\nc:\r\n  d: no # x\r\n  e: 0755\r\nf: |\r\n  t\r\n",
    "aliases and merges": (
        "base: &b {p: 1, q: 17:00, r: no, s: [1.10, 'x', \"y\"]}\nu: *b\n"
        "v:\n  <<: *b\n  p: 2\nw: {<<: *b}\nz: {<<: [*b, {k: 1}], t: 0}\n"
    ),
    "anchors inside anchors": (
        "base: &b\n  p: &i\n    x: 1\n  q:\n    - &j 5\n    - *i\nu: *b\nv:\n  <<: *b\n  p: 2\nlast: [*b, *i, *j]\n"
    ),
    "anchored scalars": "a: &x\nb: *x\nc: &y foo\nd: *y\n",
    "merged items": "a:\n  - &d\n    n: 1\n  - <<: *d\n    m: 2\n  - <<: *d\n",
    "text over lines": "a: \"multi\n  line\" # c\nb: plain\n  more\nc: 'it''s'\n",
    "explicit keys": "? a\n: b\nc: d\n",
    "quoted keys": "'quoted key': 1\n\"dq\": 2\n",
    "document start and end": "--- # hi\na: b\n...\n",
    "a second document": "a: 'b'\n\n\n---\nother: doc\n",
    "tags": "a: !!str 5\nb: !!str\nc: &k !!map {x: !!str 1}\nd: *k\n",
    "beyond ASCII": "ü: 'é🙂'\nb: [🙂, {ä: ö}]\nc: d\n",
    "comments everywhere": "a:   # comment\n  b: 1   # c2\n  # inner end\n# outer\nc: 2\n",
    "tabs behind keys": "a:\t1\nb: \t{}\n",
    "like prometheus.yml": (
        "# mine\nglobal:\n  scrape_interval: 15s # often\n\nrule_files:\n  # - first\n  - rules/*.yml\n\n"
        "scrape_configs:\n  - job_name: a\n    static_configs:\n      - targets: [a:1, b:2]\n\n  - job_name: b\n"
        "    relabel_configs:\n      - source_labels: [x]\n        regex: (.*)[a-z]\n        replacement: ${1}\n"
    ),
}
Edit = tuple[str, Callable[[Document], None], Any]


def opened(folder: Path, text: str) -> Document:
    path = folder / "sample.yml"
    path.write_bytes(text.encode())
    return Document.open(path)


def copied(text: str, folder: Path, edit: Callable[[Document], None]) -> str:
    document = opened(folder, text)
    edit(document)
    return document.text()


def spots(value: Any, spot: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    yield spot, value
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield from spots(inner, (*spot, key))


def changed(value: Any, spot: tuple[Any, ...], change: Callable[[Any, Any], None]) -> Any:
    """Return an independent copy of plain data with one change, made by ``change(holder, last step)``."""
    result = json.loads(json.dumps(value))
    holder = result
    for step in spot[:-1]:
        holder = holder[step]
    change(holder, spot[-1])
    return result


def edits(value: Any) -> Iterator[Edit]:
    for spot, inner in spots(value):
        if spot:
            for new in ("a: 'b' #\u2028", {"x": [1, None, "no"]}):
                wanted = changed(value, spot, lambda holder, step, new=new: holder.__setitem__(step, new))
                yield f"set {spot}", lambda document, spot=spot, new=new: document.set(spot, new), wanted
            wanted = changed(value, spot, lambda holder, step: holder.__delitem__(step))
            yield f"remove {spot}", lambda document, spot=spot: document.remove(spot), wanted
        if isinstance(inner, dict):
            wanted = changed(value, (*spot, "new-key"), lambda holder, step: holder.__setitem__(step, "no"))
            yield f"add to {spot}", lambda document, spot=spot: document.set((*spot, "new-key"), "no"), wanted
        if inner is None:
            wanted = {"q": {"r": 1}} if not spot else changed(value, spot, lambda h, step: h.__setitem__(step, {"q": {"r": 1}}))
            yield f"fill {spot}", lambda document, spot=spot: document.set((*spot, "q", "r"), 1), wanted


@pytest.mark.parametrize("text", SAMPLES.values(), ids=SAMPLES)
def test_a_file_without_edits_stays_what_it_is_byte_for_byte(text: str, tmp_path: Path) -> None:
    document = opened(tmp_path, text)

    assert document.text() == text


@pytest.mark.parametrize("text", SAMPLES.values(), ids=SAMPLES)
def test_every_possible_edit_changes_that_one_value_and_no_other(text: str, tmp_path: Path) -> None:
    value = copy.deepcopy(opened(tmp_path, text).value)

    for words, edit, wanted in edits(value):
        result = copied(text, tmp_path, edit)

        assert (words, plain(parse(result.removeprefix("\ufeff")))) == (words, wanted), result


def test_an_edit_leaves_everything_else_in_the_text_alone(tmp_path: Path) -> None:
    text = "\ufeff--- # top\r\na: 17:00 # tea\r\nb: &x 1.10\r\nc: no\r\nd: 0755\r\ne: *x\r\nf: |\r\n  t\r\n\r\n# end\r\n"

    result = copied(text, tmp_path, lambda document: document.set(("c",), "yes"))

    assert result == text.replace("c: no", 'c: "yes"')


def test_a_key_is_added_behind_the_last_one_with_its_indentation(tmp_path: Path) -> None:
    text = "jobs:\n  - name: a # first\n    to: [b]\n\n  # second\n  - name: c\n"

    result = copied(text, tmp_path, lambda document: document.set(("jobs", 0, "proxy_url"), "http://p:1"))

    assert result == text.replace("    to: [b]\n", '    to: [b]\n    proxy_url: "http://p:1"\n')


def test_a_key_is_added_behind_a_block_scalar_and_the_empty_lines_that_belong_to_it(tmp_path: Path) -> None:
    result = copied("a:\n  b: |+\n    x\n\nc: 1\n", tmp_path, lambda document: document.set(("a", "d"), 2))

    assert result == "a:\n  b: |+\n    x\n\n  d: 2\nc: 1\n"


def test_what_is_added_ends_its_line_as_the_file_does(tmp_path: Path) -> None:
    result = copied("a: 1\r\nb: 2\r\n", tmp_path, lambda document: document.set(("c",), 3))

    assert result == "a: 1\r\nb: 2\r\nc: 3\r\n"


def test_missing_mappings_on_the_way_are_made(tmp_path: Path) -> None:
    result = copied("a: {}\n", tmp_path, lambda document: document.set(("a", "tls_config", "ca_file"), "/ca"))

    assert result == 'a: {tls_config: {"ca_file": "/ca"}}\n'


def test_other_users_of_an_anchor_keep_their_value_and_the_comments_theirs(tmp_path: Path) -> None:
    text = "base: &b # common\n  at: 17:00\none:\n  <<: *b\ntwo: *b\n"

    result = copied(text, tmp_path, lambda document: document.set(("two", "at"), "18:00"))

    assert result == text.replace("two: *b", 'two: {"at": "18:00"}')


def test_a_key_that_is_merged_in_is_overridden_where_it_is_set(tmp_path: Path) -> None:
    text = "base: &b {at: 17:00}\none:\n  <<: *b\n"

    result = copied(text, tmp_path, lambda document: document.set(("one", "at"), "x"))

    assert result == text + '  at: "x"\n'


def test_unquoted_text_becomes_a_number_only_where_that_prints_the_same(tmp_path: Path) -> None:
    document = opened(tmp_path, "{a: 17:00, b: 1.10, c: no, d: 0755, e: 10, f: 0.5, g: true, h: ~, i: '10', j: 2026-01-01}")

    expected = {
        "a": "17:00", "b": "1.10", "c": "no", "d": "0755", "e": 10, "f": 0.5, "g": True, "h": None, "i": "10",
        "j": "2026-01-01",
    }  # fmt: skip
    assert document.value == expected


def test_lines_are_those_of_the_users_file_even_after_edits(tmp_path: Path) -> None:
    document = opened(tmp_path, "\ufeff# top\na: &a\n  b: 1\nc:\n  - d:\n      e: 2\n  - *a\nf:\n  <<: *a\n")
    document.set(("a", "new"), 1)

    found = [
        document.line(*spot)
        for spot in [(), ("a",), ("a", "b"), ("c", 0, "d", "e"), ("c", 1, "b"), ("f", "b"), ("f", "nothing", "here"), ("c", 7)]
    ]

    assert found == [2, 2, 3, 6, 3, 3, 8, 4]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a: 1\nb: [\n", "x.yml:3: not YAML: while parsing a flow node, did not find expected node content"),
        (b"a: 1\nb: *no\n", "x.yml:2: not YAML: there is no anchor &no before this alias"),
        (b"a: 1\nb: \xff\n", "x.yml:2: this is not UTF-8; save the file as UTF-8"),
        (b"a: 1\nb: \x01\n", "x.yml:2: not YAML: control characters are not allowed"),
        (b"a: &a\n  b: *a\n", "x.yml:2: not YAML: there is no anchor &a before this alias"),
        (b"[" * 20000, "x.yml: not readable: it is nested too deeply"),
    ],
)
def test_a_file_that_is_not_yaml_is_named_with_its_line(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        Document.open(path, "x.yml")

    assert str(caught.value) == words


def test_a_file_that_is_not_there_or_is_a_folder_is_named(tmp_path: Path) -> None:
    said = []
    for path in (tmp_path / "none.yml", tmp_path):
        with pytest.raises(ConfigError) as caught:
            Document.open(path, path.name)
        said.append(str(caught.value))

    assert said == [
        "none.yml: there is no such file",
        f"{tmp_path.name}: this is a folder; name the files in it, like {tmp_path.name}/*.yml",
    ]


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda document: document.set(("a", "b"), 1), ":1: a.b: 'b' cannot be set in a single value; it must be a mapping"),
        (lambda document: document.set(("c", "d"), 1), ":2: c.d: 'd' cannot be set in a list; it must be a mapping"),
        (lambda document: document.set(("c", 5), 1), ":2: c.5: there is no item 5 to set"),
        (lambda document: document.remove(("x",)), ":1: x: there is no 'x' to remove"),
    ],
)
def test_an_edit_that_has_no_place_says_where_and_why(edit: Callable[[Document], None], words: str, tmp_path: Path) -> None:
    document = opened(tmp_path, "a: text\nc: [1]\n")

    with pytest.raises(ConfigError) as caught:
        edit(document)

    assert str(caught.value) == f"{document.path}{words}"


def test_the_difference_to_the_users_file_is_shown_as_a_unified_diff() -> None:
    text = diff("a: 1\r\nb: 2\r\nc: 3\r\nd: 4\r\n", "a: 1\r\nb: 2\r\nc: 3\r\nd: 5\r\n", "x.yml")

    assert text == "--- x.yml\n+++ x.yml (derived)\n@@ -2,3 +2,3 @@\n b: 2\n c: 3\n-d: 4\n+d: 5\n"


def test_two_equal_texts_have_no_difference() -> None:
    text = diff("a: 1\n", "a: 1\n", "x.yml")

    assert text == ""


PIECES = """\
jobs:
  # first
  - name: a # the name
    tls: {on: no} # kept
    list:
      - x
      - y: 1.10

  -   name: b
      text: |
        two
        lines
# between
  - name: c
    last:"""


@pytest.mark.parametrize("text", [PIECES, f"{PIECES}\n", PIECES.replace("\n", "\r\n"), f"{PIECES} 17:00\nmore: 0755\n"])
def test_an_item_that_is_edited_by_itself_comes_out_as_if_the_whole_file_had_been(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.yml").write_bytes(text.encode())

    def edited(*, whole: bool) -> str:
        document = Document.open(tmp_path / "x.yml")
        document._separable = document._separable and not whole
        for number, key in ((0, "name"), (1, "text"), (2, "last"), (2, "new"), (1, "new"), (0, "new")):
            document.set(("jobs", number, key), {"v": [1]})
        document.set(("jobs", 0, "tls", "off"), value=True)
        document.remove(("jobs", 0, "list", 1))
        document.remove(("jobs", 1, "name"))
        document.remove(("jobs", 2, "last"))
        document.set(("top",), 1)
        document.set(("jobs", 1, "late"), 2)
        return document.text()

    assert Document.open(tmp_path / "x.yml")._separable
    assert edited(whole=False) == edited(whole=True)


def test_tags_are_told_with_their_paths_through_aliases_and_merges(tmp_path: Path) -> None:
    text = "top:\n  a: &a {x: !reset null}\n  b: {<<: *a, y: !override [!each 1]}\n  c: *a\n"

    found = opened(tmp_path, text).tagged("top")

    each, over = ("!each", ("b", "y", 0)), ("!override", ("b", "y"))
    assert list(found) == [("!reset", ("a", "x")), over, each, ("!reset", ("b", "x")), ("!reset", ("c", "x"))]
