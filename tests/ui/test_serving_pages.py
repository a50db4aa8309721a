"""The pages about the gateway."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from prompt_app.datamodel.model import ModelSpec, Price
from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.datamodel.serving import UsageFilter, UsageRecord
from prompt_app.errors import InputError
from prompt_app.workbench import Workbench
from prompt_app.workbench.spend_alerts import raise_due

OpenPage = Callable[..., AppTest]
FREE = ModelSpec(provider="openai", name="own", price=Price(input=0, output=0))
TOKENS: dict[str, Any] = {"input_tokens": 9, "output_tokens": 3}


def test_a_token_is_made_shown_once_and_listed(open_page: OpenPage, workbench: Workbench) -> None:
    app = open_page("app_pages/tokens.py")
    app.text_input[0].set_value("ci")
    next(button for button in app.button if button.label == "Make the token").click().run()
    assert not app.exception
    secret = app.code[0].value
    assert secret.startswith("sk-prompt-")
    assert workbench.access_tokens.page().items[0].name == "ci"
    app = open_page("app_pages/tokens.py")
    assert not app.code
    assert app.dataframe[0].value["Name"].tolist() == ["ci"]
    assert app.dataframe[1].value["What"].tolist() == ["token.create"]


def test_tokens_are_paged_and_one_is_opened_by_its_address(
    open_page: OpenPage, workbench: Workbench
) -> None:
    assert "make it above" in open_page("app_pages/tokens.py").info[0].value
    made = [workbench.access_tokens.create(f"t{number}").token for number in range(26)]
    workbench.access_tokens.revoke(made[25].id)
    app = open_page("app_pages/tokens.py")
    first = app.dataframe[0].value
    assert first["Name"].tolist() == [f"t{number}" for number in range(25, 0, -1)]
    assert first["State"].tolist()[:2] == ["revoked", "valid"]
    assert "26 tokens, newest first" in [caption.value for caption in app.caption]
    app = open_page("app_pages/tokens.py", page="2", token=made[0].id)
    assert app.dataframe[0].value["Name"].tolist() == ["t0"]
    assert next(field for field in app.text_input if field.label == "Name").value == ""
    assert "t0" in [field.value for field in app.text_input]
    app = press(app, "Close")
    assert "token" not in app.query_params
    opener = next(box for box in app.selectbox if box.label == "Open a token")
    app = opener.set_value(f"t0 ({made[0].id})").run()
    assert made[0].id in app.query_params["token"]
    app = open_page("app_pages/tokens.py", token=made[25].id)
    assert "Revoked on" in " ".join(caption.value for caption in app.caption)
    app = open_page("app_pages/tokens.py", token="nobody")
    assert "nobody" in app.error[0].value


def test_usage_is_summed_up_and_calls_become_a_dataset(
    open_page: OpenPage, workbench: Workbench
) -> None:
    app = open_page("app_pages/usage.py")
    assert "not called" in app.info[0].value
    body = (
        '{"request": {"messages": [{"role": "user", "content": "Why?"}]}, "response": "Because."}'
    )
    now = datetime.now(UTC)
    workbench.store.write_usage(
        [
            UsageRecord("u1", now, "t", "local", "chat", "best", "offline:echo", cost_usd=0.5,
                        body=body),
            UsageRecord("u2", now, "t", "local", "chat", "best", "offline:echo", status=502,
                        error_kind="server"),
        ],
        [],
    )  # fmt: skip
    app = open_page("app_pages/usage.py")
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures["Calls"] == "2"
    assert figures["Cost"].replace("\\", "") == "$0.5000"
    assert figures["Failed"] == "50.0%"
    columns = ["At", "Person", "Token", "Asked for", "Answered by"]
    assert list(calls(app))[:5] == columns
    app = open_page("app_pages/usage.py", failed="true")
    assert list(calls(app))[:3] == ["At", "Status", "Error"]
    assert calls(app)["Error"].tolist() == ["server"]
    which = UsageFilter()
    lines = workbench.usage.calls_file(which).decode().splitlines()
    assert lines[0].startswith("id,at,token,person,route,model,target")
    assert [line.split(",")[0] for line in lines[1:]] == ["u1", "u2"]
    assert "Because" not in "".join(lines), "bodies stay here"
    with pytest.raises(InputError, match="cannot be a dataset's name"):
        workbench.usage.pick(["u1"], "gateway calls")
    version = workbench.usage.pick(["u1"], "picked")
    (example,) = workbench.examples(version)
    assert (example.fields["question"], example.fields["response"]) == ("Why?", "Because.")


def calls(app: AppTest) -> pd.DataFrame:
    return next(each.value for each in app.dataframe if "Asked for" in each.value)


def test_usage_of_a_model_without_a_price_is_not_shown_as_free(
    open_page: OpenPage, workbench: Workbench
) -> None:
    now = datetime.now(UTC)
    workbench.models.save_endpoint("own", FREE)
    records = [
        UsageRecord("u1", now, "t", "ada", "chat", "m", "openai:echo", **TOKENS),
        UsageRecord("u2", now, "t", "ada", "chat", "m", "openai:echo", cached=True),
        UsageRecord("u3", now, "t", "bob", "chat", "m", "offline:echo", **TOKENS),
        UsageRecord("u4", now, "t", "bob", "chat", "m", FREE.reference, **TOKENS),
        UsageRecord("u5", now, "t", "eve", "chat", "m", "pipeline:gone", **TOKENS),
    ]
    workbench.store.write_usage(records, [])
    app = open_page("app_pages/usage.py", by="Person")
    figures = {metric.label: metric.value for metric in app.metric}
    assert (figures["Cost"], figures["Saved"]) == ("unknown", "unknown")
    people = app.dataframe[0].value
    assert dict(zip(people["Person"], people["Cost"].isna(), strict=True)) == {
        "ada": True, "bob": False, "eve": True,
    }  # fmt: skip
    assert calls(app)["Cost"].isna().tolist() == [True, False, False, False, True]  # newest first
    told = next(caption.value for caption in app.caption if "No price" in caption.value)
    assert "for openai:echo, pipeline:gone: the cost leaves 2 calls out" in told.replace("\\", "")
    lines = workbench.usage.calls_file(UsageFilter()).decode().splitlines()
    place = lines[0].split(",").index("cost_usd")
    assert [line.split(",")[place] for line in lines[1:]] == ["", "0.0", "0.0", "0.0", ""]
    paid = UsageRecord("u6", now, "t", "ada", "chat", "m", "openai:gpt-4o", cost_usd=0.5, **TOKENS)
    workbench.store.write_usage([paid], [])
    app = open_page("app_pages/usage.py", by="Model")
    assert next(m for m in app.metric if m.label == "Cost").value.endswith("5000")
    assert any("No price" in caption.value for caption in app.caption)


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


def test_alerts_are_set_shown_and_removed(open_page: OpenPage, workbench: Workbench) -> None:
    now = datetime.now(UTC)
    workbench.store.write_usage([UsageRecord("u1", now, "", "bob", "chat", "m", cost_usd=3.0)], [])
    app = open_page("app_pages/usage.py")
    next(n for n in app.number_input if n.label == "US dollars").set_value(2.5)
    next(s for s in app.selectbox if s.label == "Whose calls").set_value("Each person")
    press(app, "Add the alert")
    assert not app.exception
    (alert,) = workbench.spend_alerts.all()
    assert (alert.scope, alert.period, alert.usd) == ("person", "day", 2.5)
    assert not app.warning
    raise_due(workbench.store, now)
    for page in ("app_pages/usage.py", "app_pages/home.py"):
        assert "bob" in open_page(page).warning[0].value, page
    app = open_page("app_pages/usage.py")
    assert "each person" in " ".join(text.value for text in app.text)
    press(app, "Remove")
    assert workbench.spend_alerts.all() == []


def test_an_assistant_and_an_alias_are_saved(open_page: OpenPage, workbench: Workbench) -> None:
    app = open_page("app_pages/assistants.py")
    names = [field for field in app.text_input if field.label == "Name"]
    areas = {area.label: area for area in app.text_area}
    names[0].set_value("tutor")
    areas["Context"].set_value("You teach.")
    areas["Sample questions"].set_value("What is a loop?\n\nWhat is a list?")
    saves = [button for button in app.button if button.label == "Save"]
    saves[0].click().run()
    assert not app.exception
    (assistant,) = workbench.serving_names.assistants()
    assert assistant.questions == ("What is a loop?", "What is a list?")
    names = [field for field in app.text_input if field.label == "Name"]
    areas = {area.label: area for area in app.text_area}
    names[1].set_value("best")
    [button for button in app.button if button.label == "Save"][1].click().run()
    assert "name a model" in " ".join(error.value for error in app.error)
    names = [field for field in app.text_input if field.label == "Name"]
    areas = {area.label: area for area in app.text_area}
    assert names[1].value == "best"
    areas["Answered by"].set_value("prompt/ask@production offline:echo 3\noffline:fixed")
    [button for button in app.button if button.label == "Save"][1].click().run()
    assert "There is no prompt named" in " ".join(error.value for error in app.error)
    prompt = workbench.save_prompt("ask", PromptTemplate.model_validate("Ask {word}"))
    workbench.store.set_prompt_label("ask", "production", prompt.number)
    [button for button in app.button if button.label == "Save"][1].click().run()
    assert not app.exception
    (alias,) = workbench.serving_names.aliases()
    assert [(t.model, t.prompt_model, t.weight) for t in alias.targets] == [
        ("prompt/ask@production", "offline:echo", 3.0),
        ("offline:fixed", None, 1.0),
    ]
