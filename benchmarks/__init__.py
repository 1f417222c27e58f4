"""What raphson costs, beside what others cost, measured in the same run: `python -m benchmarks --help`."""
