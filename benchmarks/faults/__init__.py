"""What a server is hit by, and what was lost: `python -m benchmarks.faults`."""

import os

# gRPC's own log tells of connections that end, which is what is done to them here.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
