"""What the service shows of itself: a line a call in the log, metrics, traces.

Handlers are wrapped once, by an `Observer`; what happens to a call further in is noted on its `ObservedCall`, which
`current_call` finds. Nothing here parses a message: what workers know comes with their replies (`account`).
"""
