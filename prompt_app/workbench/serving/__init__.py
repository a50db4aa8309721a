"""Serving: what a gateway does for each call, below its protocols."""

from prompt_app.workbench.serving.admission import Admission, Caller
from prompt_app.workbench.serving.asking import Asked, CacheUse, Served, Spent
from prompt_app.workbench.serving.serving import Serving

__all__ = ["Admission", "Asked", "CacheUse", "Caller", "Served", "Serving", "Spent"]
