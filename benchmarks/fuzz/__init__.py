"""Inputs that nobody would send, a million of them: `python -m benchmarks.fuzz`.

A target makes an input from a seed and runs it. The seed, the target's name and the input's number decide the input, so
that every run can be had again; what is found is saved as bytes, which `--replay` runs alone.
"""
