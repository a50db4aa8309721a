"""Calls the command line in this process, as a shell would."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from prompt_app.cli import main


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


class CommandLine:
    """``run("runs", "--json")`` in ``folder``, with a store of its own."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, *arguments: str) -> Result:
        self._monkeypatch.setattr(sys, "argv", ["prompt-app", *arguments])
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = self._capsys.readouterr()
        code = exit_.value.code
        return Result(code if isinstance(code, int) else 0, captured.out, captured.err)

    def evaluation(self, dataset: Any, **changes: Any) -> str:
        """The name of an evaluation file over ``dataset``."""
        data: dict[str, Any] = {
            "dataset": dataset,
            "prompts": [{"name": "plain", "template": "{question}"}],
            "models": ["offline:echo"],
            "metrics": ["exact_match"],
        }
        (self.folder / "evaluation.yaml").write_text(yaml.safe_dump({**data, **changes}))
        return "evaluation.yaml"
