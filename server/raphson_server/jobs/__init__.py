"""Durable jobs: a table of parameters in, a table of roots out, in chunks that are each committed once.

A job outlives its process: killed at any moment and started again, it goes on behind the chunks that are done, and
every row comes exactly once. `description` says what a job is, `store` remembers jobs and their chunks, `run` carries
one out, `solve_chunk` is what workers do. What this room needs beyond the server comes with
``pip install 'raphson[jobs]'``; `description`, `errors`, `record` and `store` import no solver.
"""
