"""Built-in functions: plain Python functions whose type hints say what they take and give.

A new one is a function in a module of this package and one line here.
"""

from __future__ import annotations

from prompt_app.registry import Registry

_HERE = "prompt_app.pipelines.functions"

FUNCTIONS = Registry(
    "function",
    {
        "add_days": f"{_HERE}.dates:add_days",
        "column": f"{_HERE}.tables:column",
        "concat": f"{_HERE}.text:concat",
        "contains": f"{_HERE}.text:contains",
        "count": f"{_HERE}.lists:count",
        "days_between": f"{_HERE}.dates:days_between",
        "default": f"{_HERE}.text:default",
        "exclude": f"{_HERE}.lists:exclude",
        "extract_code": f"{_HERE}.text:extract_code",
        "fill": f"{_HERE}.text:fill",
        "find_all": f"{_HERE}.text:find_all",
        "first": f"{_HERE}.lists:first",
        "flatten": f"{_HERE}.lists:flatten",
        "format_date": f"{_HERE}.dates:format_date",
        "from_csv": f"{_HERE}.tables:from_csv",
        "from_json": f"{_HERE}.json_values:from_json",
        "get": f"{_HERE}.json_values:get",
        "item": f"{_HERE}.lists:item",
        "join": f"{_HERE}.lists:join",
        "keep": f"{_HERE}.lists:keep",
        "keys": f"{_HERE}.json_values:keys",
        "last": f"{_HERE}.lists:last",
        "lines": f"{_HERE}.text:lines",
        "lower": f"{_HERE}.text:lower",
        "match": f"{_HERE}.text:match",
        "merge": f"{_HERE}.json_values:merge",
        "now": f"{_HERE}.dates:now",
        "number_lines": f"{_HERE}.lists:number_lines",
        "object": f"{_HERE}.json_values:object_of",
        "replace": f"{_HERE}.text:replace",
        "replace_pattern": f"{_HERE}.text:replace_pattern",
        "reverse": f"{_HERE}.lists:reverse",
        "rows_where": f"{_HERE}.tables:rows_where",
        "select": f"{_HERE}.tables:select",
        "slice": f"{_HERE}.lists:slice_of",
        "sort": f"{_HERE}.lists:sort",
        "sort_rows": f"{_HERE}.tables:sort_rows",
        "split": f"{_HERE}.text:split",
        "strip": f"{_HERE}.text:strip",
        "title": f"{_HERE}.text:title",
        "to_csv": f"{_HERE}.tables:to_csv",
        "to_json": f"{_HERE}.json_values:to_json",
        "to_markdown": f"{_HERE}.tables:to_markdown",
        "today": f"{_HERE}.dates:today",
        "truncate": f"{_HERE}.text:truncate",
        "unique": f"{_HERE}.lists:unique",
        "upper": f"{_HERE}.text:upper",
        "weekday": f"{_HERE}.dates:weekday",
        "word_count": f"{_HERE}.text:word_count",
    },
)
