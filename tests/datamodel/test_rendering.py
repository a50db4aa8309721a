import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt_app.datamodel.dataset import Example
from prompt_app.datamodel.prompt import FewShot, Message, PinnedPrompt, PromptTemplate
from prompt_app.datamodel.rendering import (
    check_template,
    diff_templates,
    placeholders,
    render_messages,
    render_text,
    template_placeholders,
)
from prompt_app.errors import TemplateError

FIELDS = {
    "question": "Who?",
    "prompt": {"text": "nested", "turns": [{"content": "first"}]},
    "Reference Answer(s)": "France",
    "Source Doc ID": "Normans",
    "a.b": "dotted column",
    "año": "2024",
    "प्रश्न": "Hindi",
    "n": 3,
    "ratio": 0.5,
    "yes": True,
    "nothing": None,
    "items": ["x", {"é": 1}],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Q: {question}", "Q: Who?"),
        ("{question}{question}", "Who?Who?"),
        ("{prompt.text} {prompt.turns.0.content}", "nested first"),
        ("{Reference Answer(s)} / {Source Doc ID}", "France / Normans"),
        ("{a.b}", "dotted column"),
        ("{año}{प्रश्न}", "2024Hindi"),
        ("{n} {ratio} {yes} [{nothing}]", "3 0.5 true []"),
        ("{items}", '["x", {"é": 1}]'),
        ("{{question}}", "{question}"),
        ("{{{question}}}", "{Who?}"),
        ("${question}", "$Who?"),
    ],
)
def test_single_notation_renders(text: str, expected: str) -> None:
    assert render_text(text, "single", FIELDS) == expected


@pytest.mark.parametrize(
    "text",
    [
        '{"question": 1}',
        '{"a": {"b": [1, 2]}, "c": {}}',
        "{}",
        "{ question }",
        "{question }",
        "{ return question; }",
        "{x: 1}",
        "{x:1}",
        "{'question'}",
        "{1}",
        "{_private}",
        "{question!r}",
        "{question:>10}",
        "{items[0]}",
        "{a,b}",
        "{line\nbreak}",
        "{",
        "}}{{",
        "{question",
        "question}",
    ],
)
def test_other_text_in_braces_is_literal(text: str) -> None:
    assert placeholders(text, "single") == []
    assert render_text(text, "single", FIELDS) == text


def test_double_notation() -> None:
    text = '{"q": "{{question}}", "id": {{ Source Doc ID }}, "c": {question}} {{1}} {{{n}}}'
    expected = '{"q": "Who?", "id": Normans, "c": {question}} {{1}} {3}'
    assert placeholders(text, "double") == ["question", "Source Doc ID", "n"]
    assert render_text(text, "double", FIELDS) == expected
    assert render_text("{{Score [0-10]: a, b}}", "double", {"Score [0-10]: a, b": 7}) == "7"


def test_attributes_are_out_of_reach() -> None:
    for name in ("question.__class__", "prompt.keys", "items.append", "items.-1", "items.9"):
        with pytest.raises(TemplateError, match="no field in this row"):
            render_text("{" + name + "}", "single", FIELDS)


def test_a_huge_list_index_is_only_a_missing_field() -> None:
    with pytest.raises(TemplateError):
        render_text("{items." + "9" * 5000 + "}", "single", FIELDS)


def test_missing_field_names_the_nearest() -> None:
    with pytest.raises(TemplateError, match=r"\{qestion\} has no field .* \{question\}\?"):
        render_text("{qestion}", "single", FIELDS)
    with pytest.raises(TemplateError, match=r"\{\{qestion\}\} .* \{\{question\}\}\?"):
        render_text("{{qestion}}", "double", FIELDS)


def test_values_are_never_expanded_again() -> None:
    fields = {"a": "{b} {{b}} {{{b}}}", "b": "{a}"}
    assert render_text("{a}|{b}", "single", fields) == "{b} {{b}} {{{b}}}|{a}"
    assert render_text("{{a}}", "double", fields) == "{b} {{b}} {{{b}}}"


names = st.text(alphabet="abcXYZ éñ語_.-()09", min_size=1, max_size=8).filter(
    lambda name: name[0].isalpha() and name[-1] != " "
)
braces = st.text(alphabet=st.sampled_from('{}"ab: .\n1'), max_size=40)
notations = st.sampled_from(["single", "double"])


@given(name=names, value=st.text(), before=st.text(), after=st.text())
def test_value_is_inserted_exactly_once(name: str, value: str, before: str, after: str) -> None:
    before, after = (text.replace("{", "").replace("}", "") for text in (before, after))
    rendered = render_text(before + "{" + name + "}" + after, "single", {name: value})
    assert rendered == before + value + after
    escaped = render_text(before + "{{" + name + "}}" + after, "single", {})
    assert escaped == before + "{" + name + "}" + after
    rendered = render_text(before + "{{" + name + "}}" + after, "double", {name: value})
    assert rendered == before + value + after


@given(text=st.one_of(st.text(), braces), notation=notations)
def test_arbitrary_text_renders_once_its_placeholders_have_values(text: str, notation: str) -> None:
    fields = {name: f"<{i}>" for i, name in enumerate(placeholders(text, notation))}
    rendered = render_text(text, notation, fields)
    if not fields and notation == "double":
        assert rendered == text


@given(value=st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
def test_any_json_like_value_renders(value: object) -> None:
    rendered = render_text("{v}", "single", {"v": value})
    if isinstance(value, str):
        assert rendered == value
    elif value is None:
        assert rendered == ""
    else:
        assert rendered == json.dumps(value, ensure_ascii=False)


@given(document=st.dictionaries(st.text(), st.integers() | st.text(alphabet="abc 1"), min_size=1))
def test_json_text_without_nested_placeholders_is_literal(document: dict[str, object]) -> None:
    # A JSON object opens with {" and so never reads as a placeholder; only its strings might.
    document = {k.replace("{", "").replace("}", ""): v for k, v in document.items()}
    text = json.dumps(document)
    assert render_text(text, "single", {}) == text


def template(*messages: tuple[str, str], **settings: object) -> PromptTemplate:
    turns = [{"role": role, "content": content} for role, content in messages]
    return PromptTemplate.model_validate({"messages": turns, **settings})


def test_shots_stand_before_the_last_user_message() -> None:
    shots = tuple(
        Example(id=str(i), position=i, fields={"q": f"shot {i} {{q}}", "topic": "t"})
        for i in range(2)
    )
    pinned = PinnedPrompt(
        name="p",
        version_id="v",
        template=template(
            ("system", "On {topic}"),
            ("user", "Hello"),
            ("assistant", "Hi"),
            ("user", "Q: {q}"),
            ("assistant", "A:"),
        ),
        shots=shots,
        shot_answers=("zero {q}", "one"),
    )
    assert render_messages(pinned, {"q": "real", "topic": "rivers"}) == (
        Message(role="system", content="On rivers"),
        Message(role="user", content="Hello"),
        Message(role="assistant", content="Hi"),
        Message(role="user", content="Q: shot 0 {q}"),
        Message(role="assistant", content="zero {q}"),
        Message(role="user", content="Q: shot 1 {q}"),
        Message(role="assistant", content="one"),
        Message(role="user", content="Q: real"),
        Message(role="assistant", content="A:"),
    )


def test_a_plain_string_is_one_user_message() -> None:
    pinned = PinnedPrompt(
        name="p", version_id="v", template=PromptTemplate.model_validate("Say {word}")
    )
    assert render_messages(pinned, {"word": "hi"}) == (Message(role="user", content="Say hi"),)


def test_template_placeholders_are_listed_once() -> None:
    both = template(("system", "{a} {b}"), ("user", "{b} {c} {{d}}"))
    assert template_placeholders(both) == ["a", "b", "c"]


def test_check_template_names_placeholder_message_and_nearest_field() -> None:
    wrong = template(("system", "Be brief."), ("user", "{contxt} {qestion} {question}"))
    with pytest.raises(TemplateError) as caught:
        check_template(wrong, ["context", "question"])
    message = str(caught.value)
    assert "{contxt} in message 2 (user)" in message
    assert "Did you mean {context}?" in message
    assert "{qestion} in message 2 (user)" in message
    assert "Fields: context, question." in message
    assert "\n" not in message


def test_check_template_accepts_known_paths_and_list_items() -> None:
    good = template(("user", "{prompt.text} {turns.0.content} {Reference Answer(s)}"))
    check_template(good, ["prompt", "prompt.text", "turns", "Reference Answer(s)"])
    with pytest.raises(TemplateError, match=r"prompt\.title"):
        check_template(template(("user", "{prompt.title}")), ["prompt", "prompt.text"])


def test_check_template_against_no_fields() -> None:
    with pytest.raises(TemplateError, match="Fields: none"):
        check_template(template(("user", "{a}")), [])


def test_diff_is_empty_exactly_when_templates_are_equal() -> None:
    base = template(("user", "line one\nline two"))
    assert diff_templates(base, base) == ""
    changed = diff_templates(base, template(("user", "line one\nline 2")))
    assert "-  line two" in changed
    assert "+  line 2" in changed
    assert " user:" in changed
    others = [
        template(("user", "line one\nline two\n")),
        template(("user", "line one\nline two"), placeholders="double"),
        template(("system", "line one\nline two"), ("user", "x")),
        template(("user", "line one\nline two"), few_shot=FewShot(dataset="d")),
    ]
    for other in others:
        assert diff_templates(base, other) != ""


@given(a=braces, b=braces)
def test_diff_tells_any_two_texts_apart(a: str, b: str) -> None:
    diff = diff_templates(template(("user", a)), template(("user", b)))
    assert (diff == "") == (a == b)
