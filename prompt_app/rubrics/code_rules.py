"""Key concepts decided by rules over a program's features instead of by a model.

``code_rules.yaml`` of an experiment's lesson, for each key concept the rules in order; the first
that holds decides::

    Sprites:
      - label: Extensive Evidence
        when: {sprites: at least 2, property_updates: at least 2}
      - label: Limited Evidence
        when: {sprites: at least 1}
      - label: No Evidence
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from prompt_app.datamodel.yaml_reading import read_yaml
from prompt_app.errors import RubricError
from prompt_app.registry import nearest_names
from prompt_app.rubrics.javascript import FEATURES, Features, find_features, has_syntax_error
from prompt_app.rubrics.model import CodeRule, ConceptAssessment, Experiment, Rubric
from prompt_app.rubrics.tables import one_form
from prompt_app.rubrics.votes import ConceptVote, vote

_CONDITION = re.compile(r"(at least|at most|exactly) (\d{1,6})")
MOST_EVIDENCE = 12
Rules = dict[str, tuple[CodeRule, ...]]


def read_code_rules(text: str, path: str, rubric: Rubric) -> Rules:
    """Raises RubricError, naming ``path`` and the place, for rules that are not as they should
    be; so the last rule of each key concept must hold for every program."""
    try:
        data = read_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        raise RubricError(f"{path}{place} is not valid YAML.") from None
    if not isinstance(data, dict):
        raise RubricError(f"{path} must map key concepts to lists of rules.")
    names = {one_form(name): name for name in rubric.names}
    rules: Rules = {}
    for concept, listed in data.items():
        name = names.get(one_form(str(concept)))
        if name is None:
            raise RubricError(f"{path}: the rubric has no key concept {concept!r}.")
        if not isinstance(listed, list) or not listed:
            raise RubricError(f"{path}: {concept!r} needs a list of rules.")
        rules[name] = tuple(_rule(each, f"{path}: {concept!r}", rubric) for each in listed)
        if rules[name][-1].when or any(not rule.when for rule in rules[name][:-1]):
            raise RubricError(
                f"{path}: of {concept!r} the last rule, and no other, must have no 'when'."
            )
    return rules


def _rule(data: Any, where: str, rubric: Rubric) -> CodeRule:
    if not isinstance(data, dict) or not {"label"} <= data.keys() <= {"label", "when"}:
        raise RubricError(f"{where}: a rule has 'label' and perhaps 'when'.")
    if data["label"] not in rubric.labels:
        raise RubricError(f"{where}: the rubric has no label {data['label']!r}.")
    when = data.get("when", [])
    sets = when if isinstance(when, list) else [when]
    for conditions in sets:
        if not isinstance(conditions, dict) or not conditions:
            raise RubricError(f"{where}: 'when' maps features to conditions.")
        for feature, condition in conditions.items():
            if feature not in FEATURES:
                near = nearest_names(str(feature), FEATURES)
                hint = f" Did you mean {near[0]!r}?" if near else f" {', '.join(FEATURES)}."
                raise RubricError(f"{where}: there is no feature {feature!r}.{hint}")
            if not isinstance(condition, str) or not _CONDITION.fullmatch(condition):
                raise RubricError(
                    f"{where}: {feature!r} needs 'at least n', 'at most n' or 'exactly n', "
                    f"not {condition!r}."
                )
    return CodeRule(label=data["label"], when=tuple(sets))


def write_code_rules(rules: Rules) -> str:
    """The text that :func:`read_code_rules` reads back."""
    data = {
        name: [
            {"label": rule.label, **({"when": list(rule.when)} if rule.when else {})}
            for rule in listed
        ]
        for name, listed in rules.items()
    }
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def assess_by_rules(program: str, rules: Rules) -> dict[str, ConceptAssessment]:
    """The label of each key concept that has rules, with the lines that it rests on."""
    features = find_features(program)
    counts = ", ".join(f"{name}: {len(places)}" for name, places in features.items() if places)
    if has_syntax_error(program):
        counts = f"The program has a syntax error. {counts}"
    assessed = {}
    for concept, listed in rules.items():
        rule = next(each for each in listed if _holds(each, features))
        used = {f for each in listed for conditions in each.when for f in conditions}
        assessed[concept] = ConceptAssessment(
            concept=concept,
            label=rule.label,
            observations=counts,
            evidence="\n".join(_evidence(features, used)),
            reason=_reason(rule),
        )
    return assessed


def votes_by_rules(program: str, experiment: Experiment) -> dict[str, ConceptVote]:
    """The key concepts that the experiment leaves to its rules."""
    decided = experiment.parameters.code_feature_extractor
    rules = {name: experiment.code_rules[name] for name in decided}
    if not rules:
        return {}
    assessed = assess_by_rules(program, rules)
    return {name: vote([(each,)])[0] for name, each in assessed.items()}


def _holds(rule: CodeRule, features: Features) -> bool:
    return not rule.when or any(
        all(_meets(condition, len(features[name])) for name, condition in conditions.items())
        for conditions in rule.when
    )


def _meets(condition: str, count: int) -> bool:
    match = _CONDITION.fullmatch(condition)
    assert match is not None
    bound = int(match[2])
    if match[1] == "exactly":
        return count == bound
    return count >= bound if match[1] == "at least" else count <= bound


def _evidence(features: Features, used: set[str]) -> list[str]:
    lines = []
    for name in FEATURES:
        if name not in used:
            continue
        places = features[name]
        lines += [f"Line {p.line}: {p.code} ({name})" for p in places[:MOST_EVIDENCE]]
        if len(places) > MOST_EVIDENCE:
            lines.append(f"and {len(places) - MOST_EVIDENCE} more ({name})")
    return lines


def _reason(rule: CodeRule) -> str:
    if not rule.when:
        return "No other rule holds."
    sets = [
        " and ".join(f"{condition} {name.replace('_', ' ')}" for name, condition in each.items())
        for each in rule.when
    ]
    return f"The program has {', or '.join(sets)}."
