"""The native routes: shapes that deployed clients send and expect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
from gateway.running import RunningGateway

from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.datamodel.serving import Assistant, ModelRoute, RouteTarget, Scope
from prompt_app.gateway.errors import TITLES
from prompt_app.providers.mock_server import MockServer

CHAT = {"model": "offline:echo", "messages": [{"role": "user", "content": "Hello"}]}
RUBRIC = (
    "Key Concept,Instructions,Extensive Evidence,No Evidence\n"
    "Sprites,Count them.,At least one,None\n"
    "Loops,Look for draw.,There is one,None\n"
)
REPLY = (
    "Key Concept\tObservations\tEvidence\tLabel\tReason\n"
    "Sprites\tOne sprite\tLine 1\tExtensive Evidence\tIt is made.\n"
    "Loops\tNo loop\t\tNo Evidence\tThere is none.\n"
)


async def call(
    gateway: RunningGateway, method: str, path: str, token: str = "", **sent: Any
) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token or gateway.token}", **sent.pop("headers", {})}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, gateway.url + path, headers=headers, **sent) as response,
    ):
        return response.status, await response.json(content_type=None)


async def test_text_in_and_text_out(gateway: RunningGateway) -> None:
    path = "/api/openai/v1/chat/completions/"
    assert await call(gateway, "POST", path, json=CHAT) == (
        200, {"response": "Hello", "cache_hit": False},
    )  # fmt: skip
    assert await call(gateway, "POST", path, json=CHAT) == (
        200, {"response": "Hello", "cache_hit": True},
    )  # fmt: skip
    edits = {"model": "offline:echo", "input": "teh", "instruction": "Mend the spelling."}
    assert (await call(gateway, "POST", "/api/openai/v1/edits/", json=edits))[1][
        "response"
    ] == "teh"
    plain = {"model": "offline:echo", "prompt": "Say it"}
    found = await call(gateway, "POST", "/api/openai/v1/completions/", json=plain)
    assert found[1]["response"] == "Say it"
    texts = {"model": "offline:hashing", "input": "one", "dimensions": 8}
    _, vector = await call(gateway, "POST", "/api/openai/v1/embeddings/", json=texts)
    assert len(vector["response"]) == 8
    status, body = await call(gateway, "POST", "/api/openai/v1/images/", json=CHAT)
    assert (status, body["type"]) == (404, "urn:prompt-app:unknown_name")


async def test_the_cache_alone_is_asked(gateway: RunningGateway, mock_server: MockServer) -> None:
    body = {**CHAT, "model": "openai:echo", "n": 2}
    reader = gateway.workbench.access_tokens.create("reader", scopes=[Scope.READ]).secret
    path = "/api/cache/v1/chat/completions/"
    assert await call(gateway, "POST", path, reader, json=body) == (200, [])
    await call(gateway, "POST", "/api/openai/v1/chat/completions/", json=body)
    found = await call(gateway, "POST", path, reader, json=body)
    assert found == (200, [{"response": "Hello", "cache_hit": True}] * 2)
    assert mock_server.stats()["received"] == 1


async def test_pipelines_are_called_by_id_or_name(gateway: RunningGateway) -> None:
    workbench = gateway.workbench
    workbench.save_prompt("say", PromptTemplate.model_validate("Say {word}"))
    saved = workbench.pipelines.save("shout", "upper(say(word))", model="offline:echo")
    assert await call(gateway, "GET", "/api/pipeline/args?pipeline_name=shout") == (
        200, {"success": True, "response": ["word"]},
    )  # fmt: skip
    for which in ({"pipeline_id": saved.pipeline_id, "openaikey_id": 1}, {"name": "shout"}):
        body = {**which, "args": {"word": "hello"}}
        assert await call(gateway, "POST", "/api/pipeline/call/", json=body) == (
            200, {"success": True, "response": "SAY HELLO"},
        ), which  # fmt: skip
    chat = {"model": "pipeline/shout", "messages": [{"role": "user", "content": "bye"}]}
    _, answer = await call(gateway, "POST", "/v1/chat/completions", json=chat)
    assert answer["choices"][0]["message"]["content"] == "SAY BYE"
    for wrong, status in (
        ({"pipeline_id": 999, "args": {}}, 404),
        ({"name": "shout", "args": {"wrod": "x"}}, 400),
        ({}, 400),
    ):
        found, told = await call(gateway, "POST", "/api/pipeline/call/", json=wrong)
        assert (found, told["success"]) == (status, False), told
        assert told["error"]
    narrow = workbench.access_tokens.create("narrow", models=["prompt/*"]).secret
    body = {"name": "shout", "args": {"word": "x"}}
    assert (await call(gateway, "POST", "/api/pipeline/call/", narrow, json=body))[0] == 403


def _script(folder: Path, reply: str) -> dict[str, Any]:
    file = folder / "script.yaml"
    file.write_text(json.dumps([{"reply": reply}]))
    return {"provider": "offline", "name": "scripted", "options": {"script": str(file)}}


async def test_an_assessment_by_the_calls_own_rubric(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    mock_server.control(reply=REPLY)
    given = {
        "code": "var a = createSprite(1, 1); // mine",
        "prompt": "Assess it.",
        "rubric": RUBRIC,
        "examples": json.dumps([["var b;", REPLY]]),
        "model": "openai:fixed",
        "api-key": "sk-not-used",
        "remove-comments": "1",
        "num-responses": "2",
        "temperature": "0.2",
        "response-type": "tsv",
    }
    form = aiohttp.FormData(given)
    multipart = aiohttp.FormData(given, default_to_multipart=True)
    answers = [
        await call(gateway, "POST", "/assessment", **sent)
        for sent in ({"data": form}, {"data": multipart}, {"json": given})
    ]
    assert [status for status, _ in answers] == [200, 200, 200]
    body = answers[0][1]
    assert body["data"] == [
        {"Key Concept": "Sprites", "Observations": "One sprite", "Label": "Extensive Evidence",
         "Reason": "It is made.", "Evidence": "Line 1"},
        {"Key Concept": "Loops", "Observations": "No loop", "Label": "No Evidence",
         "Reason": "There is none.", "Evidence": ""},
    ]  # fmt: skip
    metadata = body["metadata"]
    assert metadata["agent"] == "openai"
    assert metadata["usage"]["total_tokens"] > 0
    request = metadata["request"]
    assert (request["model"], request["temperature"], request["n"]) == ("fixed", 0.2, 2)
    roles = [message["role"] for message in request["messages"]]
    assert roles == ["system", "user", "assistant", "user"]
    assert "mine" not in request["messages"][-1]["content"]
    bare = {"Authorization": gateway.token}
    assert (await call(gateway, "POST", "/assessment", json=given, headers=bare))[0] == 200


async def test_a_form_may_hold_files_and_a_long_work(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    mock_server.control(reply=REPLY)
    given = {"prompt": "Assess it.", "rubric": RUBRIC, "model": "openai:fixed"}
    work = b"var a = createSprite(1, 1);\n//" + b"x" * 1_500_000
    for remove, wanted in (("1", 200), ("0", 413)):
        form = aiohttp.FormData({**given, "remove-comments": remove})
        form.add_field("code", work, filename="work.js")
        status, body = await call(gateway, "POST", "/assessment", data=form)
        assert status == wanted, body
    # It is the model that cannot take it, not the gateway.
    assert (body["type"], body["title"]) == ("urn:prompt-app:context_too_long", "Body too large")


UNREADABLE = (
    ("multipart/form-data", b"code=1"),
    ("multipart/form-data; boundary=x", b"no part"),
    ("multipart/form-data; boundary=x", b"--x\r\nno header\r\n\r\n\r\n--x--"),
    ("multipart/form-data; boundary=\xff", b"--x--"),
    ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n1"),
    ("application/x-www-form-urlencoded", b"%ff&&==&code=%00"),
    ("application/json", b"[1]"),
    ("text/plain", b"{"),
)


async def test_a_form_that_cannot_be_read_is_the_callers_mistake(gateway: RunningGateway) -> None:
    for kind, sent in UNREADABLE:
        headers = {"Content-Type": kind}
        status, body = await call(gateway, "POST", "/assessment", data=sent, headers=headers)
        assert (status, body["status"]) == (400, 400), (kind, sent, body)


async def test_a_key_that_is_not_used_is_not_kept_either(
    tmp_path: Path, mock_server: MockServer
) -> None:
    key = "a-key-of-another-service"
    given = {"code": "var a;", "prompt": "Assess.", "rubric": RUBRIC, "model": "openai:fixed"}
    mock_server.control(reply=REPLY)
    with RunningGateway(tmp_path, mock_server.url, gateway_body_days=1) as gateway:
        for sent in (
            {"json": {**given, "api-key": key}},
            {"data": {**given, "api-key": key}},
            {"data": aiohttp.FormData({**given, "api_key": key}, default_to_multipart=True)},
        ):
            assert (await call(gateway, "POST", "/assessment", **sent))[0] == 200
        bodies = [gateway.workbench.usage.call(each.id).body for each in gateway.usage(3)]
    assert all(body and "var a;" in body for body in bodies)
    assert key not in str(bodies)


async def test_a_blank_work_costs_nothing(gateway: RunningGateway) -> None:
    given = {"code": "  \n", "prompt": "Assess.", "rubric": RUBRIC, "student-id": "s1"}
    status, body = await call(gateway, "POST", "/assessment", json=given)
    assert status == 200
    assert (body["metadata"]["agent"], body["metadata"]["student_id"]) == ("static", "s1")
    assert "usage" not in body["metadata"]
    assert {row["Label"] for row in body["data"]} == {"No Evidence"}


async def test_wrong_too_long_unavailable_and_late_are_told_apart(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    gateway.workbench.store.save_route(
        ModelRoute(name="hasty", targets=(RouteTarget(model="openai:fixed"),), timeout_seconds=0.5)
    )
    given = {"code": "var a;", "prompt": "Assess.", "rubric": RUBRIC, "model": "hasty"}

    async def status(**changes: Any) -> int:
        found, body = await call(gateway, "POST", "/assessment", json={**given, **changes})
        assert (body["status"], body["title"]) == (found, TITLES[found])
        assert body["detail"]
        return found

    assert await status(rubric="no rubric") == 400
    assert await status(examples='[["one"]]') == 400
    for wrong in ("hot", -1, "nan", 2.1):
        assert await status(temperature=wrong) == 400
    assert await status(code=None) == 400
    assert await status(**{"code-feature-extractor": '["Sprites"]'}) == 400
    assert await status(lesson="L9", rubric="") == 400
    for model in ("offline:absent", "endpoint:absent", {"name": "fixed"}):
        assert await status(model=model) == 400
    mock_server.control(models=["fixed"])
    assert await status(model="openai:absent") == 400
    mock_server.control(p_500=1)
    assert await status(temperature=0.1) == 503
    mock_server.control(p_500=0, p_hang=1)
    assert await status(temperature=0.2) == 504
    mock_server.control(p_hang=0, reply="I cannot say.")
    assert await status(temperature=0.3) == 503
    huge = {**given, "code": "x" * (21 * 2**20)}
    assert (await call(gateway, "POST", "/assessment", json=huge))[0] == 413


async def test_a_release_by_name(gateway: RunningGateway) -> None:
    gateway.workbench.rubrics.load_example()
    given = {
        "code": "var goldfish = createSprite(1, 1);",
        "release": "first",
        "lesson": "L1-moving-things",
    }
    status, body = await call(gateway, "POST", "/assessment", json=given)
    assert status == 200, body
    assert body["metadata"]["agent"] == "offline"
    assert len(body["data"]) > 1


async def test_the_promoted_release_is_served_as_it_was_measured(gateway: RunningGateway) -> None:
    rubrics = gateway.workbench.rubrics
    rubrics.load_example()
    lesson = "L2-reacting"
    given = {"code": rubrics.work_text("games", lesson, "sage.js"), "lesson": lesson}
    status, _ = await call(gateway, "POST", "/assessment", json=given)
    assert status == 400, "none is promoted"
    rubrics.promote("first", lesson)
    status, served = await call(gateway, "POST", "/assessment", json=given)
    assert status == 200, served
    (release,) = [each for each in rubrics.releases() if each.lesson == lesson]
    measured = {p.concept: p.predicted for p in release.predictions if p.student == "sage"}
    assert {row["Key Concept"]: row["Label"] for row in served["data"]} == measured
    path = f"releases/first/{lesson}/system_prompt.txt"
    rubrics.folder.write(path, "Be kind.\n")
    status, changed = await call(gateway, "POST", "/assessment", json=given)
    assert status == 400
    assert "is not what was measured any more: changed prompt" in json.dumps(changed)


async def test_the_service_can_be_tried_out(gateway: RunningGateway) -> None:
    assert (await call(gateway, "GET", "/test"))[0] == 200
    for path in ("/test/assessment", "/test/assessment/examples", "/test/assessment/blank"):
        status, body = await call(gateway, "GET", path)
        assert status == 200, body
        assert body["data"], path
    status, names = await call(gateway, "GET", "/openai/models")
    assert status == 200
    assert any(name.startswith("gpt") for name in names)


async def test_an_assistant_answers_sample_and_own_questions(gateway: RunningGateway) -> None:
    gateway.workbench.store.save_assistant(
        Assistant(
            name="tutor",
            context="You teach.",
            questions=("What is a loop?", "What is a list?"),
            models=("offline:echo", "openai:gpt-5-mini"),
        )
    )
    for path in ("/get_supported_models", "/get_suppored_models"):
        status, body = await call(gateway, "GET", path)
        assert status == 200
        assert body["message"]["Mock"] == ["offline:echo"]
        assert body["message"]["OpenAI"] == ["openai:gpt-5-mini"]

    async def ask(
        model: str = "offline:echo", number: int | None = None, own: str | None = None
    ) -> Any:
        body = {
            "model": {"model_name": model},
            "inference": {
                "sample_question": {"status": number is not None, "selected_question": number},
                "custom_question": {"status": own is not None, "your_question": own},
            },
        }
        return await call(gateway, "POST", "/send_inference", json=body)

    status, early = await ask(number=1)
    assert (status, early["kind"]) == (400, "questions_not_seen")
    _, listed = await call(gateway, "GET", "/get_sample_questions")
    assert listed == {"response": ["question 1: What is a loop?", "question 2: What is a list?"]}
    assert await ask(number=2) == (
        200,
        {
            "model_name": "offline:echo",
            "response": {"response": "What is a list?", "your_question": "What is a list?"},
        },
    )
    assert (await ask(own="And a map?"))[1]["response"]["response"] == "And a map?"
    _, unknown = await ask("gpt-9", number=1)
    assert unknown["kind"] == "unsupported_model"
    assert unknown["supported_models"] == ["offline:echo", "openai:gpt-5-mini"]
    assert (await ask(number=1, own="x"))[1]["kind"] == "both_questions"
    assert (await ask(number=3))[1]["kind"] == "question_number"
    assert (await ask())[1]["kind"] == "no_question"


async def test_an_alias_falls_back_and_splits(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    mock_server.control(models=["only"])
    store = gateway.workbench.store
    first, second = RouteTarget(model="openai:absent"), RouteTarget(model="offline:echo")
    store.save_route(ModelRoute(name="safe", targets=(first,), fallbacks=(second,)))
    status, body = await call(
        gateway, "POST", "/v1/chat/completions", json={**CHAT, "model": "safe"}
    )
    assert (status, body["model"]) == (200, "echo")
    fixed = RouteTarget(model="offline:fixed", weight=3)
    store.save_route(ModelRoute(name="split", targets=(fixed, second)))
    models = [
        (await call(gateway, "POST", "/v1/chat/completions", json={**CHAT, "model": "split"}))[1]
        for _ in range(60)
    ]
    share = sum(body["model"] == "fixed" for body in models) / 60
    assert 0.5 < share < 0.95


RULES = """
Sprites:
  - label: Extensive Evidence
    when: {sprites: at least 1}
  - label: No Evidence
"""


async def test_rules_of_the_call_decide_what_it_leaves_to_them(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    header, _, loops = REPLY.splitlines(keepends=True)
    mock_server.control(reply=header + loops)
    given = {
        "code": "var a = createSprite(1, 1);\nvar b = createSprite(2, 2);",
        "prompt": "Assess it.",
        "rubric": RUBRIC,
        "model": "openai:fixed",
        "code-feature-extractor": '["Sprites"]',
        "code-rules": RULES,
    }
    status, body = await call(gateway, "POST", "/assessment", json=given)
    assert status == 200, body
    rows = {row["Key Concept"]: row for row in body["data"]}
    assert rows["Sprites"]["Label"] == "Extensive Evidence"
    assert "Line 2" in rows["Sprites"]["Evidence"]
    assert rows["Loops"]["Observations"] == "No loop"
    assert "Sprites" not in body["metadata"]["request"]["messages"][0]["content"]

    one = RUBRIC.replace("Loops,Look for draw.,There is one,None\n", "")
    status, body = await call(gateway, "POST", "/assessment", json={**given, "rubric": one})
    assert (status, body["metadata"]["agent"]) == (200, "static")
    assert "usage" not in body["metadata"]
    assert mock_server.stats()["received"] == 1, "where rules decide everything no model is asked"

    for changes in (
        {"code-feature-extractor": '["Loops"]'},
        {"code-rules": "Sprites: nonsense"},
        {"code-rules": ""},
    ):
        status, body = await call(gateway, "POST", "/assessment", json={**given, **changes})
        assert status == 400, changes
        assert body["detail"]


async def test_a_lessons_own_rules_are_found(gateway: RunningGateway) -> None:
    rubrics = gateway.workbench.rubrics
    rubrics.load_example()
    rubric = (
        "Key Concept,Instructions,Extensive Evidence,Convincing Evidence,Limited Evidence,"
        "No Evidence\nModularity: Sprites,Count them.,Two,One,Few,None\n"
    )
    given = {
        "code": "var a = createSprite(1, 1);",
        "prompt": "Assess it.",
        "rubric": rubric,
        "lesson": "L1-moving-things",
        "code-feature-extractor": '["Modularity: Sprites"]',
    }
    status, body = await call(gateway, "POST", "/assessment", json=given)
    assert status == 200, body
    assert body["data"][0]["Label"] == "Limited Evidence"
    status, body = await call(gateway, "POST", "/assessment", json={**given, "lesson": "L9"})
    assert status == 400
    assert "L9" in body["detail"]
    other = "releases/second/L1-moving-things/code_rules.yaml"
    rubrics.folder.write(other, "'Modularity: Sprites':\n- label: No Evidence\n")
    status, body = await call(gateway, "POST", "/assessment", json=given)
    assert status == 400
    assert other in body["detail"]
    rubrics.folder.write("releases/promoted.json", '{"L1-moving-things": "second"}')
    status, body = await call(gateway, "POST", "/assessment", json=given)
    assert (status, body["data"][0]["Label"]) == (200, "No Evidence")
