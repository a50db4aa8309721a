"""Comments go and strings stay; features are counted where they are."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rubrics.lessons import RUBRIC

from prompt_app.errors import RubricError
from prompt_app.rubrics.code_rules import assess_by_rules, read_code_rules, write_code_rules
from prompt_app.rubrics.javascript import find_features, has_syntax_error, without_comments

COMMENTED = {
    "line": ("a(); // b\nc();", "a();\nc();"),
    "block between": ("a/* b */(c);", "a (c);"),
    "block of lines": ("a();\n/* b\n c */\nd();", "a();\n\n\nd();"),
    "string": ("var a = 'http://b';", "var a = 'http://b';"),
    "double-quoted": ('var a = "/* b */";', 'var a = "/* b */";'),
    "escaped quote": (r"var a = 'it\'s // b'; // c", r"var a = 'it\'s // b';"),
    "template": ("var a = `// ${b /* c */}`;", "var a = `// ${b  }`;"),
    "regular expression": (r"var a = /\/\/b/; // c", r"var a = /\/\/b/;"),
    "division": ("a = b / c / d; // e", "a = b / c / d;"),
    "HTML": ("<!-- a\nb();", "\nb();"),
    "broken program": ("function a( { // b\n", "function a( {\n"),
    "other scripts": ("text('héllo // 世界'); // 世界\n", "text('héllo // 世界');\n"),
    "Windows": ("a(); // b\r\nc();\r\n", "a();\r\nc();\r\n"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("case", COMMENTED)
def test_comments_go(case: str) -> None:
    text, left = COMMENTED[case]
    assert without_comments(text) == left


@given(st.lists(st.text("ab/*'`\"\\$ {}é", max_size=12), min_size=1, max_size=4))
def test_strings_stay(texts: list[str]) -> None:
    program = "\n".join(f"text({json.dumps(text, ensure_ascii=False)});" for text in texts)
    assert without_comments(program) == program


@given(st.text("a/*'`\"\\\n {}()=;é", max_size=80))
def test_the_number_of_lines_stays(program: str) -> None:
    assert without_comments(program).count("\n") == program.count("\n")


PROGRAM = """\
var fish = createSprite(100, 200);
var crab = createSprite(300, 200);
var speed = 2;
function swim() {
  fish.x = fish.x + speed;
}
function rest() { crab.y = 5; }
function draw() {
  background("blue"); // rect(1, 2, 3, 4)
  swim();
  if (keyDown("up")) {
    fish.y--;
  }
  for (var i = 0; i < 3; i++) { ellipse(i, 2); }
  text("rect(1)", 10, 10);
  speed += 1;
  drawSprites();
}
"""


def test_features_are_counted_with_their_lines() -> None:
    lines = {name: [p.line for p in places] for name, places in find_features(PROGRAM).items()}
    assert lines == {
        "sprites": [1, 2], "shapes": [14], "texts": [15], "variables": [3, 14],
        "conditionals": [11], "loops": [14], "function_definitions": [4, 7],
        "function_calls": [10], "property_updates": [5, 12], "input_handlers": [11],
    }  # fmt: skip


def test_a_program_that_nests_deeply_is_read() -> None:
    assert len(find_features("(" * 3000 + "rect()" + ")" * 3000)["shapes"]) == 1


def test_syntax_errors_are_seen() -> None:
    assert has_syntax_error("function a( {")
    assert not has_syntax_error(PROGRAM)


RULES = """\
Sprites:
  - label: Extensive
    when: {sprites: at least 2, property_updates: at least 2}
  - label: Limited
    when:
      - {sprites: exactly 1}
      - {shapes: at least 1, sprites: at most 0}
  - label: None
"""


def labelled(program: str) -> str:
    return assess_by_rules(program, read_code_rules(RULES.replace(": None", ": 'None'"), "r",
                                                    RUBRIC))["Sprites"].label  # fmt: skip


def test_the_first_rule_that_holds_decides() -> None:
    assert labelled(PROGRAM) == "Extensive"
    assert labelled("var a = createSprite(1, 2);") == "Limited"
    assert labelled("rect(1, 2);") == "Limited"
    assert labelled("var a = 1;") == "None"


def test_evidence_names_the_lines() -> None:
    rules = read_code_rules(RULES.replace(": None", ": 'None'"), "r", RUBRIC)
    assessed = assess_by_rules(PROGRAM, rules)["Sprites"]
    assert "Line 1: createSprite(100, 200) (sprites)" in assessed.evidence.splitlines()
    assert "Line 12: fish.y-- (property_updates)" in assessed.evidence.splitlines()
    assert assessed.reason == (
        "The program has at least 2 sprites and at least 2 property updates."
    )
    assert read_code_rules(write_code_rules(rules), "r", RUBRIC) == rules


WRONG = {
    "concept": ("Loops: [{label: Limited}]", "'Loops'"),
    "label": ("Sprites: [{label: Superb}]", "'Superb'"),
    "feature": ("Sprites: [{label: Limited, when: {sprite: at least 1}}]", "'sprites'"),
    "condition": ("Sprites: [{label: Limited, when: {sprites: '> 1'}}]", "'at least n'"),
    "no last rule": ("Sprites: [{label: Limited, when: {sprites: at least 1}}]", "last rule"),
    "hidden rule": ("Sprites: [{label: Limited}, {label: Convincing}]", "last rule"),
    "YAML": ("a: [", "line 1"),
    "list": ("- a", "must map"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_rules_are_refused(case: str) -> None:
    text, told = WRONG[case]
    with pytest.raises(RubricError, match=r"^rules\.yaml") as refused:
        read_code_rules(text, "rules.yaml", RUBRIC)
    assert told in str(refused.value)
