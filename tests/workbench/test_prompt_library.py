from __future__ import annotations

import pytest
from engine.runs import work

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.prompt import FewShot, Message, PromptTemplate
from prompt_app.errors import ConflictError, InputError, TemplateError, UnknownNameError
from prompt_app.workbench import Workbench
from prompt_app.workbench.prompt_library import written_template


def template(text: str, **settings: object) -> PromptTemplate:
    return PromptTemplate.model_validate({"text": text, **settings})


@pytest.fixture
def example(workbench: Workbench) -> Workbench:
    workbench.load_examples()
    return workbench


def test_who_saved_a_version_stands_at_it(workbench: Workbench) -> None:
    ada = Person(id="1", name="Ada", role=Role.EDITOR)
    saved = workbench.acting_as(ada).prompt_library.save("greet", template("Hi"), " first ")
    assert (saved.author, saved.note) == ("Ada", "first")


def test_of_two_people_who_edit_the_same_prompt_the_second_is_told(workbench: Workbench) -> None:
    library = workbench.prompt_library
    library.save("greet", template("Hello"), based_on=0)
    library.save("greet", template("Hi there"), based_on=1)
    with pytest.raises(ConflictError, match="has version 2 by now"):
        library.save("greet", template("Good day"), based_on=1)
    assert library.version("greet").template == template("Hi there")
    assert library.save("greet", template("Good day"), based_on=2).number == 3


@pytest.mark.parametrize("name", ["", "two words", "a/b", "x" * 101])
def test_a_name_that_is_none_is_told_in_words(workbench: Workbench, name: str) -> None:
    with pytest.raises(InputError, match="cannot be a prompt's name"):
        workbench.prompt_library.save(name, template("Hello"))


def test_a_draft_is_rendered_on_a_row_with_its_shots(example: Workbench) -> None:
    library = example.prompt_library
    dataset = example.dataset("geography")
    third = library.example(dataset, 3)
    first, second = example.examples(dataset, limit=2)
    shots = FewShot(dataset="geography", example_ids=(second.id, first.id))
    found = library.render(template("{question}", few_shot=shots), dataset, third)
    assert [message.role for message in found.messages] == ["user", "assistant"] * 2 + ["user"]
    assert found.messages[0].content == second.fields["question"]
    assert found.messages[1].content == second.fields["answers"][0]
    assert found.messages[-1].content == third.fields["question"]
    assert found.tokens > 10


def test_what_is_wrong_with_a_draft_is_told(example: Workbench) -> None:
    library = example.prompt_library
    dataset = example.dataset("geography")
    row = library.example(dataset, 1)
    with pytest.raises(TemplateError, match=r"\{qestion\}.*Did you mean \{question\}"):
        library.render(template("{qestion}"), dataset, row)
    with pytest.raises(UnknownNameError, match="dataset"):
        library.render(template("{question}", few_shot={"dataset": "geografy"}), dataset, row)
    with pytest.raises(InputError, match="no row 41"):
        library.example(dataset, 41)
    with pytest.raises(TemplateError, match="at least one user message"):
        written_template([Message(role="system", content="Be kind.")])


def test_fields_are_columns_and_the_paths_inside_them(example: Workbench) -> None:
    fields = example.prompt_library.fields(example.dataset("geography"))
    assert {"question", "passage", "answers"} <= set(fields)


def test_the_difference_of_two_templates_is_told_message_by_message(workbench: Workbench) -> None:
    before = template("Hello {name}")
    after = PromptTemplate.model_validate(
        {
            "messages": [
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": "Hello {name}"},
            ],
            "few_shot": {"dataset": "d", "count": 2},
        }
    )
    found = workbench.prompt_library.difference(before, after)
    assert [(each.before, each.after) for each in found[:2]] == [
        ("Hello {name}", "Be kind."),
        (None, "Hello {name}"),
    ]
    assert found[2].title_after == "settings"
    assert "count: 2" in (found[2].after or "")
    assert all(each.is_changed for each in found)
    same = workbench.prompt_library.difference(before, before)
    assert [each.is_changed for each in same] == [False]


def test_where_each_version_was_used(example: Workbench) -> None:
    library = example.prompt_library
    example.submit_evaluation(example.example_evaluation())
    work(example)
    first = library.version("with-passage")
    second = library.save("with-passage", template("{passage} {question}"), based_on=1)
    (run,) = library.uses("with-passage").items
    assert run.summary
    assert library.uses("with-passage", 1).total == 1
    assert library.uses("with-passage", second.number).total == 0
    assert library.use_counts("with-passage") == {first.id: 1}


def test_a_label_moves_and_goes(workbench: Workbench) -> None:
    library = workbench.prompt_library
    for text in ("a", "b"):
        library.save("greet", template(text))
    library.move_label("greet", " production ", 1)
    library.move_label("greet", "production", 2)
    assert library.labels("greet") == {"production": 2}
    library.remove_label("greet", "production")
    assert library.labels("greet") == {}
    noted = [(each.action, each.target, each.details) for each in workbench.audit.entries().items]
    assert noted == [
        ("prompt.unlabel", "greet", "production"),
        ("prompt.label", "greet", "production is version 2"),
        ("prompt.label", "greet", "production is version 1"),
    ]
