"""The whole template, so that no change of the deployment goes unseen.

After a change that is meant: npm test -- tests/infra/test_snapshot.py --snapshot-update
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from deployment import Deployment
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

pytestmark = pytest.mark.xdist_group("infra")

_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


def settled(template: dict[str, Any]) -> Any:
    """Without what changes with the app's source: the digests of image and assets."""
    return json.loads(_DIGEST.sub("<digest>", json.dumps(template)))


def test_the_default_template(default: Deployment, snapshot: SnapshotAssertion) -> None:
    assert settled(default.template) == snapshot(extension_class=JSONSnapshotExtension)


def test_a_change_of_the_source_leaves_it_alone(default: Deployment) -> None:
    text = json.dumps(default.template)
    digests = set(_DIGEST.findall(text))
    assert digests
    for digest in digests:
        text = text.replace(digest, "0" * 64)
    assert settled(json.loads(text)) == settled(default.template)
