"""A small rubric, and its folders to write wrong things into."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from prompt_app.rubrics.model import Concept, Rubric

LABELS = ("Extensive", "Convincing", "Limited", "None")
RUBRIC = Rubric(
    labels=LABELS,
    concepts=(
        Concept(name="Sprites", instructions="Count them.", definitions=("2+", "2", "1", "0")),
        Concept(name="Position, Movement", instructions="", definitions=("a", "b", "c", "d")),
    ),
)
RUBRIC_CSV = (
    "Key Concept,Instructions,Extensive,Convincing,Limited,None\n"
    'Sprites,Count them.,2+,2,1,0\n"Position, Movement",,a,b,c,d\n'
)
REPLY = "Key Concept\tLabel\tReason\nSprites\tExtensive\twell\nPosition, Movement\tNone\tno\n"
PARAMETERS = {"model": "offline:echo", "num-responses": 3, "temperature": 0}


class LessonFolder:
    """Everything that one lesson needs, valid until a test changes it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("datasets/set/L1/s1.js", "var a = createSprite(1, 2);\n")
        self.write("datasets/set/L1/s2.js", "var b;\n")
        self.write(
            "datasets/set/L1/actual_labels.csv",
            'student,Sprites,"Position, Movement"\ns1,Extensive,None\ns2,None,None\n',
        )
        self.parameters(**PARAMETERS)
        self.write("experiments/e/L1/system_prompt.txt", "Assess the program.\n")
        self.write("experiments/e/L1/standard_rubric.csv", RUBRIC_CSV)
        self.write("experiments/e/L1/examples/1.js", "createSprite();\n")
        self.write("experiments/e/L1/examples/1.tsv", REPLY)

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def parameters(self, **values: Any) -> None:
        named = {key.replace("_", "-"): value for key, value in values.items()}
        self.write("experiments/e/L1/params.json", json.dumps(named))
