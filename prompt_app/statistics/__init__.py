"""Statistics of evaluations: pure functions, each with its formula's source.

========================  =======================================================
``intervals``             confidence intervals of a proportion or a mean
``bootstrap``             BCa bootstrap for any other statistic
``comparison``            two runs compared pair by pair, with a verdict in words
``power``                 how many examples and repeats a difference needs
``variance``              how much of the spread is examples, sampling, judge
``sequential``            when a comparison may stop early
``agreement``             a judge's labels against a person's
``correction``            a judge's score corrected by its measured errors
``preference``            Bradley-Terry strengths from pairwise choices
========================  =======================================================

Nothing is imported here, so that a process that needs one interval loads only that.
"""
