"""Functions of the user's own: found in files, called only as they were registered."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pipelines.making import checked, run

from prompt_app.datamodel.pipeline import RegisteredFunction
from prompt_app.errors import PipelineError
from prompt_app.pipelines.custom import find_functions

CODE = '''
"""Tools."""
import asyncio
from datetime import date
from os.path import join

def double(text: str, times: int = 2) -> str:
    """The text, several times.

    More of it.
    """
    return text * times

async def later(text: str) -> str:
    await asyncio.sleep(0)
    return text

def year(day: date) -> int:
    return day.year

def broken(text: str) -> str:
    raise KeyError(text)

def strange(text: str) -> object:
    return lambda: text

def _private() -> None: ...
'''


def write(folder: Path, name: str, code: str) -> None:
    (folder / name).write_text(code, "utf-8")


def registered(folder: Path) -> list[RegisteredFunction]:
    functions = find_functions(folder).functions.values()
    return [RegisteredFunction(info=f.info, registered_at=datetime.now(UTC)) for f in functions]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "custom_tools.py", CODE)
    return tmp_path


def test_public_functions_of_custom_files_are_found(folder: Path) -> None:
    write(folder, "other.py", "def nope(): ...")
    found = find_functions(folder)
    assert sorted(found.functions) == ["broken", "double", "later", "strange", "year"]
    assert found.problems == []
    info = found.functions["double"].info
    assert info.signature == "double(text: str, times: int = ...) -> str"
    assert (info.description, info.group) == ("The text, several times.", "custom_tools.py")


def test_registered_functions_are_called(folder: Path) -> None:
    parts = {"registered": registered(folder), "folder": folder}
    assert run("double(a, times='3')", {"a": "x"}, **parts).output == "xxx"
    assert run("later(upper(a))", {"a": "x"}, **parts).output == "X"
    assert run("year('2026-01-02')", **parts).output == 2026
    broken = run("broken('k')", **parts)
    assert str(broken.error) == "broken (column 1): KeyError: 'k'"
    assert "returned a function" in str(run("strange('k')", **parts).error)


def test_one_that_is_not_registered_cannot_be_called(folder: Path) -> None:
    with pytest.raises(PipelineError, match="no function or prompt named double"):
        checked("double(a)", folder=folder)


def test_a_file_that_changed_or_went_must_be_registered_anew(folder: Path) -> None:
    parts = {"registered": registered(folder), "folder": folder}
    write(folder, "custom_tools.py", CODE + "\nimport os\n")
    with pytest.raises(PipelineError, match="has changed since it was registered"):
        checked("double(a)", **parts)
    (folder / "custom_tools.py").unlink()
    with pytest.raises(PipelineError, match=r"custom_tools.py is not in"):
        checked("double(a)", **parts)


def test_a_changed_file_gives_its_new_code(folder: Path) -> None:
    write(folder, "custom_tools.py", CODE.replace("text * times", "text.upper() * times"))
    parts = {"registered": registered(folder), "folder": folder}
    assert run("double(a)", {"a": "x"}, **parts).output == "XX"


def test_one_that_was_removed_says_when(folder: Path) -> None:
    gone = [
        each.model_copy(update={"removed_at": datetime(2026, 3, 1, tzinfo=UTC)})
        for each in registered(folder)
    ]
    with pytest.raises(PipelineError, match=r"double is gone: it was removed .* on 2026-03-01"):
        checked("double(a)", registered=gone, folder=folder)


def test_one_that_exits_ends_its_call_alone(folder: Path) -> None:
    write(folder, "custom_exit.py", "import sys\ndef leave(a: str) -> str: sys.exit('bye')")
    done = run("leave(a)", {"a": "x"}, registered=registered(folder), folder=folder)
    assert (done.state, "SystemExit: bye" in str(done.error)) == ("failed", True)


def test_what_cannot_be_registered_is_named(folder: Path) -> None:
    write(folder, "custom_bad.py", "def f(:")
    write(folder, "custom_crash.py", "1 / 0")
    write(folder, "custom_again.py", "def double(x): return x\ndef upper(x): return x")
    write(folder, "custom_odd.py", "def odd(a, /): return a")
    write(folder, "custom_exit.py", "raise SystemExit(3)")
    found = find_functions(folder)
    assert len(found.problems) == 6
    text = "\n".join(found.problems)
    assert "custom_bad.py cannot be imported: SyntaxError" in text
    assert "custom_crash.py cannot be imported: ZeroDivisionError" in text
    assert "custom_exit.py cannot be imported: SystemExit: 3" in text
    assert "custom_tools.py: double is already defined in custom_again.py" in text
    assert "custom_again.py: upper is the name of a built-in function" in text
    assert "odd: the parameter a cannot be given by name" in text


def test_a_registered_file_name_never_leads_out_of_the_folder(folder: Path) -> None:
    outside = folder / "inner"
    outside.mkdir()
    parts = registered(folder)
    moved = [
        each.model_copy(
            update={"info": each.info.model_copy(update={"group": "../custom_tools.py"})}
        )
        for each in parts
    ]
    with pytest.raises(PipelineError, match="is not in"):
        checked("double(a)", registered=moved, folder=outside)
