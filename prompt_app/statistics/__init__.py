"""Statistics of evaluations: pure functions, each with its formula's source.

====================  ==================================================================
``intervals``         confidence intervals of a proportion or a mean, with clusters too
``bootstrap``         BCa bootstrap for any other statistic
``order_statistics``  medians and other quantiles with intervals
``comparison``        two runs compared pair by pair, with a ``verdict`` in words
``paired_tests``      McNemar, permutation, Wilcoxon, Holm
``power``             how many examples and repeats a difference needs
``variance``          how much of the spread is examples, sampling, judge
``sequential``        when a comparison may stop early
``agreement``         a judge's labels against a person's: kappa, F1, confusion matrix
``krippendorff``      agreement of any number of raters, with labels missing
``correlation``       Pearson's and Spearman's, with intervals
``correction``        a judge's mean corrected by its measured errors
``labelling``         which rows to label next, and the mean that this allows
``preference``        Bradley-Terry strengths from pairwise choices
====================  ==================================================================

Nothing is imported here, so that a process that needs one interval loads only that.
"""
