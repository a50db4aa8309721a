"""Pipelines: nested calls of prompts and functions, parsed, checked and executed. Text never
becomes Python code."""
