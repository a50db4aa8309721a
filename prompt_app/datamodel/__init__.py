"""Models, parameters, prompt templates, datasets, evaluations, samples and scores: frozen,
validated value objects that do no I/O. Import them from their own modules."""
