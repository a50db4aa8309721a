"""Runs: plan the work, call the model, store the reply, score it, sum it up.

Read in this order: ``worker`` claims a run, ``batch`` drives it, ``plan`` says what is left to
do, ``item`` does one sample, ``writer`` stores results in groups, ``scoring`` scores stored
replies, ``summary`` sums up.
"""
