"""Names that nothing reads: a misspelt variable would leave its default in force unheard."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches

OTHER_SETTINGS = "OTHER_SETTINGS"
"""Holds the one-click template's OtherSettings. Its pairs are variables as well by then."""

# More letters in common than OIDC_CLIENT_SECRET and VPC_CIDR, which others may mean, have with
# OIDC_CLIENT_SECRET_NAME and VPC_ID; fewer than WEB_CUONT has with WEB_COUNT.
_LIKE = 0.88


def unknown_settings(environment: Mapping[str, str], known: Collection[str]) -> list[str]:
    """One sentence for each name in OtherSettings that is no variable of the deployment."""
    words = environment.get(OTHER_SETTINGS, "").split()
    # As the template's build reads them.
    names = [m[1] for word in words if (m := re.match(r"([A-Z][A-Z0-9_]*)=", word))]
    problems = []
    for name in dict.fromkeys(names):
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else "."
            problems.append(f"OtherSettings sets {name}, which is no variable{hint}")
    return problems


def misspelt(environment: Mapping[str, str], known: Collection[str]) -> list[str]:
    """One sentence for each variable that is set and named almost like a known one. It may be
    another program's, so it is not refused."""
    warnings = []
    for name, value in sorted(environment.items()):
        if value.strip() and name not in known:
            near = get_close_matches(name.upper(), known, 1, _LIKE)
            if near:
                warnings.append(f"{name} is set and read by nothing here; did you mean {near[0]}?")
    return warnings
