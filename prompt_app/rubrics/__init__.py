"""Assessing work by a rubric, and how well that agrees with people's labels.

====================  ==================================================================
``model``             rubrics, parameters, worked examples, works and labels
``files``             their folders, read and written
``labels``            people's labels
``parameters``        ``params.json``
``replies``           a model's reply as one label for each key concept
``votes``             the majority of several replies
``javascript``        comments removed, and the features of a parsed program
``code_rules``        key concepts decided by those features
``prompting``         what the model is asked
``results``           one lesson's assessments
``measures``          accuracy, kappa and confusion matrices over them
``confidence``        how far an assessment of a key concept can be relied on
``ambiguity``         where people disagree, or the model's votes flip
``report``            one HTML file that tells it all
``releases``          an experiment that was measured, with what reproduces it
====================  ==================================================================

Nothing here calls a model: that is :mod:`prompt_app.workbench.rubric_testing`.
"""
