"""The AWS deployment: one construct per file, composed by :mod:`cdk_src.stack`."""
