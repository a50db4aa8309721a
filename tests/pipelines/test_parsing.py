"""Text becomes a tree with places, or an error that points at one; never anything else."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from prompt_app.errors import PipelineError
from prompt_app.pipelines.lexing import MOST_CHARACTERS
from prompt_app.pipelines.parsing import CONSTANTS, MOST_DEPTH, parse
from prompt_app.pipelines.tree import Argument, Call, Items, Literal, Node


def written(node: Node) -> str:
    """``node`` as text again."""
    if isinstance(node, Literal):
        return json.dumps(node.value)
    if isinstance(node, Argument):
        return node.name
    if isinstance(node, Items):
        return f"[{', '.join(map(written, node.items))}]"
    items = [*map(written, node.positional)]
    items += [f"{each.name}={written(each.value)}" for each in node.keywords]
    return f"{node.name}({', '.join(items)})"


@pytest.mark.parametrize(
    "text",
    [
        "foo(bar(fred(1, 2, 3)))",
        "prompt_buddy(buddy)",
        "prompt_buddy(buddy=buddy_arg)",
        "p1(a1=p1(a1=arg))",
        'f("say \\"hi\\"", [a, [true, null]], -2.5, x=false)',
        "my-prompt@production(a.b)",
        "prompt/upper@2(word)",
        "f()",
        "größe(π)",
    ],
)
def test_a_tree_is_written_as_it_was_read(text: str) -> None:
    assert written(parse(text)) == text


def test_spaces_comments_and_last_commas_count_for_nothing() -> None:
    spread = "# what\nf(  # call\n\ta,\r\n  [1, 2,],\n  x = 'y',\n)  # end"
    assert written(parse(spread)) == 'f(a, [1, 2], x="y")'


def test_strings_take_either_quote_and_escapes() -> None:
    call = parse(r"""f('it"s', "a\nb\t\\\'\u00e9\ud83d\ude00", 'two
lines')""")
    assert [node.value for node in call.positional if isinstance(node, Literal)] == [
        'it"s', "a\nb\t\\'é😀", "two\nlines",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("", 1, 1, "empty"),
        ("  # nothing", 1, 12, "empty"),
        ("foo", 1, 1, "foo alone is none"),
        ("'foo'", 1, 1, "alone is none"),
        ("f(", 1, 2, "never closed: )"),
        ("f(a, [1, 2)", 1, 11, "comma or ]"),
        ("f(a b)", 1, 5, "comma or ) is missing before b"),
        ("f(a,, b)", 1, 5, "value is missing"),
        ("f(1)(2)", 1, 5, "ends before ("),
        ("f(1) g(2)", 1, 6, "ends before g"),
        ('f("abc)', 1, 3, "no closing"),
        ("f(\n  a,\n  b$\n)", 3, 4, "'$' means nothing"),
        ("f('\n\n', $)", 3, 4, "'$' means nothing"),
        ("f(a=1, 2)", 1, 8, "without a name"),
        ("f(a=1, a=2)", 1, 8, "given twice"),
        ("f(g()=2)", 1, 3, "Before ="),
        ("f(1x)", 1, 3, "no number"),
        ("f(1.2.3)", 1, 3, "no number"),
        ("f(-)", 1, 3, "no number"),
        ("f(1e999)", 1, 3, "too large"),
        (f"f({'9' * 41})", 1, 3, "digits"),
        (r'f("\q")', 1, 3, "backslash"),
        (r'f("\ud800")', 1, 3, "surrogate"),
        ("true(1)", 1, 1, "cannot be called"),
        ("f(prompt/a@b)", 1, 3, "a prompt is called"),
    ],
)
def test_an_error_points_at_its_place(text: str, line: int, column: int, says: str) -> None:
    with pytest.raises(PipelineError) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert says in str(caught.value)
    assert f"olumn {column}: " in str(caught.value)


def test_depth_and_length_are_bounded() -> None:
    depth = MOST_DEPTH
    parse("f(" * depth + ")" * depth)
    with pytest.raises(PipelineError, match="levels of brackets"):
        parse("f(" * (depth + 1) + ")" * (depth + 1))
    with pytest.raises(PipelineError, match="levels of brackets"):
        parse("f(" + "[" * 9000 + "]" * 9000 + ")")
    with pytest.raises(PipelineError, match="at most 20,000"):
        parse(f"f('{'a' * MOST_CHARACTERS}')")


def test_siblings_are_not_depth() -> None:
    call = parse(f"f({', '.join(['[1]', 'g(1)'] * 500)})")
    assert len(call.positional) == 1000


@given(st.text(alphabet=st.sampled_from("fgab(),=[]'\"\\# \n1.-e@/té\ud800\x00"), max_size=60))
@example("f(" * 5000)
@example("f(" + "\\" * 300)
@example("'" + '\\"' * 400)
def test_any_text_is_a_tree_or_a_placed_error(text: str) -> None:
    lines = text.split("\n")
    try:
        tree = parse(text)
    except PipelineError as error:
        line, column = error.line, error.column
    else:
        line, column = tree.place.line, tree.place.column
        assert written(parse(written(tree))) == written(tree)
    assert 1 <= line <= len(lines)
    assert 1 <= column <= len(lines[line - 1]) + 1


names = st.text(string.ascii_letters + "_", min_size=1, max_size=8).filter(
    lambda name: name not in CONSTANTS
)
literals = st.one_of(
    st.none(), st.booleans(), st.text(max_size=20),
    st.integers(-(10**30), 10**30), st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip


def texts(deeper: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    items = st.lists(deeper, max_size=3)
    named = st.dictionaries(names, deeper, max_size=2)
    calls = st.builds(
        lambda name, values, keywords: (
            f"{name}({', '.join([*values, *(f'{k}={v}' for k, v in keywords.items())])})"
        ),
        names, items, named,
    )  # fmt: skip
    return calls | items.map(lambda values: f"[{', '.join(values)}]")


@given(st.recursive(literals.map(json.dumps) | names, texts, max_leaves=20))
@example(json.dumps("".join(map(chr, range(128)))))
def test_what_is_written_by_the_grammar_is_read(value: str) -> None:
    call = parse(f"f({value})")
    assert isinstance(call, Call)
    assert parse(written(call)) is not None
    assert written(parse(written(call))) == written(call)
