"""What belongs to a project is not there for callers who are no members, on any route."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from gateway.running import RunningGateway

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.datamodel.serving import Assistant, ModelRoute, RouteTarget, Scope
from prompt_app.gateway.routes import ADDRESSES

MARK = "zebra"
ANN = Person(id="ann", name="Ann", role=Role.EDITOR)
SUE = Person(id="sue", name="Sue", role=Role.EDITOR)
ROOT = Person(id="root", name="Root", role=Role.ADMIN)
NAMES = (f"prompt/{MARK}", f"assistant/{MARK}", f"alias-{MARK}", f"pipeline/{MARK}")


@pytest.fixture
def tokens(gateway: RunningGateway) -> dict[str, str]:
    """One of each kind of named thing in Ann's project; a token of Ann, of Sue, of an admin, and
    of Ann for another project."""
    bench = gateway.workbench
    bench.acting_as(ANN).projects.create("team")
    bench.acting_as(ANN).projects.create("other")
    ann = bench.acting_as(ANN, "team")
    ann.save_prompt(MARK, PromptTemplate.model_validate(f"{MARK} {{word}}"))
    ann.serving_names.save_assistant(
        Assistant(
            name=MARK, context=MARK, questions=(f"What is a {MARK}?",), models=("offline:echo",)
        )
    )
    target = RouteTarget(model=f"prompt/{MARK}", prompt_model="offline:echo")
    ann.serving_names.save_alias(ModelRoute(name=f"alias-{MARK}", targets=(target,)))
    ann.pipelines.save(MARK, f'concat("{MARK} ", word)')
    scopes = (Scope.READ, Scope.INVOKE)
    return {
        "ann": ann.access_tokens.create("a").secret,
        "sue": bench.acting_as(SUE).access_tokens.create("s").secret,
        "root": bench.acting_as(ROOT).access_tokens.create("r", scopes=scopes).secret,
        "other": ann.access_tokens.create("o", project="other").secret,
    }


@dataclass(frozen=True)
class Answer:
    status: int
    text: str


@dataclass(frozen=True)
class Client:
    url: str

    def send(
        self, token: str, method: str, path: str, query: dict[str, str], body: Any = None
    ) -> Answer:
        request = urllib.request.Request(
            f"{self.url}{quote(path)}?{urlencode(query)}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return Answer(answer.status, answer.read().decode("utf-8", "replace"))
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode("utf-8", "replace"))


@pytest.fixture
def client(gateway: RunningGateway) -> Client:
    return Client(gateway.url)


def chat(client: Client, token: str, model: str) -> Answer:
    body = {
        "model": model,
        "messages": [{"role": "user", "content": "hi"}],
        "prompt_model": "offline:echo",
    }
    return client.send(token, "POST", "/v1/chat/completions", {}, body)


def is_there(answer: Answer, model: str) -> bool:
    """An alias that is none is taken for a model's name, which the mock server answers."""
    return answer.status == 200 and (f"{MARK} hi" in answer.text or "assistant" in model)


@pytest.mark.parametrize("model", NAMES)
def test_a_projects_names_can_be_called_by_its_members_and_admins_alone(
    client: Client, tokens: dict[str, str], model: str
) -> None:
    assert is_there(chat(client, tokens["ann"], model), model)
    assert is_there(chat(client, tokens["root"], model), model)
    unknown = chat(client, tokens["sue"], model.replace(MARK, "gnu"))
    for token in ("sue", "other"):
        refused = chat(client, tokens[token], model)
        assert not is_there(refused, model)
        assert refused.status == unknown.status
        if unknown.status != 200:  # any other name is taken for a model's
            assert refused.text.replace(MARK, "gnu") == unknown.text


def test_no_route_shows_a_stranger_what_belongs_to_a_project(
    client: Client, tokens: dict[str, str]
) -> None:
    """Every address, with every name in every place: one that is added later is tried too."""
    seen: set[str] = set()
    for address in ADDRESSES:
        for path, query, body in questions(address):
            asked = (address.method, path, query, body)
            told = without(client.send(tokens["sue"], *asked).text, path, query, body)
            assert MARK not in told, f"{asked}: {told}"
            if MARK in without(client.send(tokens["ann"], *asked).text, path, query, body):
                seen.add(address.route)
    assert seen >= {"models", "assistant.questions", "chat.completions", "api.pipeline.call"}


def questions(address: Any) -> Iterator[tuple[str, dict[str, str], Any]]:
    bodies = [None] if address.request is None else [naming(address.example, n) for n in NAMES]
    for path in address.paths:
        for name in (MARK, *NAMES):
            filled = path
            for place in ("{name:path}", "{model:path}", "{id:path}", "{endpoint:path}"):
                other = "v1/chat/completions" if place.startswith("{endpoint") else name
                filled = filled.replace(place, other)
            assert "{" not in filled, f"what is in the place of {filled}?"
            for body in bodies:
                yield filled, dict.fromkeys(address.query, name), body


def naming(example: Any, name: str) -> Any:
    """The route's own example, with the name wherever it names something."""
    if not isinstance(example, dict):
        return example
    named = {**example, "variables": {"word": "hi"}, "prompt_model": "offline:echo"}
    if "model" in named:
        named["model"] = name
    if name.startswith("pipeline/"):
        named.pop("temperature", None)  # its steps have their own
    if "pipeline_id" in named:
        named.pop("pipeline_id")
        named |= {"name": MARK, "args": {"word": "hi"}}
    if "inference" in named:
        named |= {"model": {"model_name": "offline:echo"}, "assistant": MARK}
    return named


def without(text: str, path: str, query: dict[str, str], body: Any) -> str:
    """An answer without what the question itself said."""
    said = " ".join([path, *query.values(), json.dumps(body)])
    for name in NAMES:
        if name in said:
            text = text.replace(name, "")
    return text.replace(f"named '{MARK}'", "")


def test_who_leaves_a_project_can_call_nothing_of_it_at_once(
    gateway: RunningGateway, client: Client, tokens: dict[str, str]
) -> None:
    projects = gateway.workbench.acting_as(ANN).projects
    projects.set_member("team", "sue", "viewer")
    for model in NAMES:
        assert is_there(chat(client, tokens["sue"], model), model)
    projects.remove_member("team", "sue")
    for model in NAMES:
        assert not is_there(chat(client, tokens["sue"], model), model)


def test_a_token_reaches_what_its_owner_sees(gateway: RunningGateway) -> None:
    bench = gateway.workbench
    made = bench.acting_as(ANN).access_tokens.create("a").token
    assert made.reach == bench.acting_as(ANN).store.reach
    assert bench.acting_as(ROOT).access_tokens.create("r").token.reach.members is None
    bench.acting_as(ANN).projects.create("team")
    bound = bench.acting_as(ANN).access_tokens.create("b", project="team").token
    assert bound.reach == bench.acting_as(ANN, "team").store.reach
