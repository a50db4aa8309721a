"""The METRICS table, and how a metric is made from what an evaluation asks for.

A metric is one small file with a frozen dataclass: its fields are the metric's options, its
``info`` a :class:`MetricInfo`, and its one method ``score``. A judge has ``request`` and
``verdict`` instead. Adding one is that file and a line in this table; every metric is opt-in,
and imported when an evaluation names it. A user's own
metrics (``custom:FILE:CLASS``) come from a folder instead.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from prompt_app.datamodel.score import MetricInfo, MetricSpec
from prompt_app.interfaces import Judge, Metric
from prompt_app.metrics.custom import PREFIX, custom_metric, custom_names
from prompt_app.metrics.options import build_metric
from prompt_app.registry import Registry

METRICS = Registry(
    "metric",
    {
        "exact_match": "prompt_app.metrics.exact_match:ExactMatch",
        "quasi_exact_match": "prompt_app.metrics.quasi_exact_match:QuasiExactMatch",
        "contains": "prompt_app.metrics.contains:Contains",
        "factual_knowledge": "prompt_app.metrics.factual_knowledge:FactualKnowledge",
        "numeric_match": "prompt_app.metrics.numeric_match:NumericMatch",
        "regex_match": "prompt_app.metrics.regex_match:RegexMatch",
        "json_valid": "prompt_app.metrics.json_valid:JsonValid",
        "json_schema": "prompt_app.metrics.json_schema:JsonSchema",
        "squad_em": "prompt_app.metrics.squad:SquadExactMatch",
        "squad_f1": "prompt_app.metrics.squad:SquadF1",
        "word_precision": "prompt_app.metrics.words:WordPrecision",
        "word_recall": "prompt_app.metrics.words:WordRecall",
        "word_f1": "prompt_app.metrics.words:WordF1",
        "edit_distance": "prompt_app.metrics.edit_distance:EditDistance",
        "edit_similarity": "prompt_app.metrics.edit_distance:EditSimilarity",
        "rouge": "prompt_app.metrics.rouge:Rouge",
        "bleu": "prompt_app.metrics.bleu:Bleu",
        "chrf": "prompt_app.metrics.chrf:ChrF",
        "length_words": "prompt_app.metrics.length:LengthWords",
        "length_characters": "prompt_app.metrics.length:LengthCharacters",
        "output_tokens": "prompt_app.metrics.call:OutputTokens",
        "latency": "prompt_app.metrics.call:Latency",
        "cost": "prompt_app.metrics.call:Cost",
        "qa_accuracy_by_llm": "prompt_app.metrics.judges:QaAccuracyByLlm",
        "graded_correctness": "prompt_app.metrics.judges:GradedCorrectness",
        "llm_rubric": "prompt_app.metrics.judges:LlmRubric",
        "rubric_label": "prompt_app.metrics.judges:RubricLabel",
        "helpfulness": "prompt_app.metrics.judges:Helpfulness",
        "tone": "prompt_app.metrics.judges:Tone",
        "conciseness": "prompt_app.metrics.judges:Conciseness",
        "refusal": "prompt_app.metrics.judges:Refusal",
        "pairwise": "prompt_app.metrics.judges:Pairwise",
        "faithfulness": "prompt_app.metrics.judges:Faithfulness",
        "answer_relevancy": "prompt_app.metrics.judges:AnswerRelevancy",
        "context_precision": "prompt_app.metrics.judges:ContextPrecision",
        "context_recall": "prompt_app.metrics.judges:ContextRecall",
        "toxicity": "prompt_app.metrics.judges:Toxicity",
        "stereotyping": "prompt_app.metrics.judges:Stereotyping",
        "semantic_similarity": "prompt_app.metrics.semantic_similarity:SemanticSimilarity",
    },
)


def metric_class(name: str) -> type[Any]:
    """The class behind a metric's name. Every look-up of a metric goes through here.

    Raises UnknownNameError with the nearest names when there is none.
    """
    found: type[Any] = custom_metric(name) if name.startswith(PREFIX) else METRICS.load(name)
    return found


def create_metric(spec: MetricSpec) -> Metric | Judge:
    """The metric that ``spec`` asks for, its options validated.

    Raises UnknownNameError for the name, EvaluationError for an option or a missing judge.
    """
    metric: Metric | Judge = build_metric(metric_class(spec.name), spec)
    return metric


def create_judges(spec: MetricSpec) -> tuple[Judge, ...]:
    """One judge for each model of the panel that ``spec`` asks for (two where both orders are
    asked); none where it asks no model.

    Raises as :func:`create_metric`.
    """
    alone = (spec.model_copy(update={"judge": model, "judges": ()}) for model in spec.panel)
    judges = [build_metric(metric_class(spec.name), each) for each in alone]
    in_orders = ([*each.orders()] if hasattr(each, "orders") else [each] for each in judges)
    return tuple(judge for group in in_orders for judge in group)


def list_metrics() -> list[MetricInfo]:
    """What every metric of the table tells of itself, in the table's order; those of the user's
    own after them, under the names that evaluations give them."""
    own = [replace(metric_class(name).info, name=name) for name in custom_names()]
    return [metric_class(name).info for name in METRICS] + own
