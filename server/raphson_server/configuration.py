"""Everything an operator may choose about the service, in one frozen object."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from raphson_server.consistency import check_consistency
from raphson_server.setting import setting, settings_of

MIB = 1024 * 1024

LISTENING, ADMISSION, REQUESTS = "Listening", "Admission", "Limits of a request"
WORKERS, JOBS, TELLING = "Workers", "Jobs", "Log, metrics, traces"


def _cores() -> int:
    """Count the cores this process may run on."""
    return len(os.sched_getaffinity(0))


SOLVER_LIMITS: Mapping[str, str] = {
    "text_length": "max_text_length",
    "depth": "max_depth",
    "variables": "max_variables",
    "parameters": "max_parameters",
    "equations": "max_written_equations",
    "nodes": "max_nodes",
    "dense_entries": "max_dense_entries",
    "members": "max_family_members",
    "entries": "max_jacobian_entries",
    "families": "max_families",
}
"""Which setting is which of the solver's limits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerConfig:
    """How the service listens, how much it admits and what its workers may use.

    What each field is for is said where it is declared, and shown by ``raphson serve --help``. A name that begins
    with ``max_`` is a limit: what passes it is refused with an error that names it.

    Raises
    ------
    ValueError
        If a value is outside its range, or does not go with another; the message names the field, the value and what
        was expected.
    """

    address: str = setting(
        "127.0.0.1:50551",
        "Where to listen. Port 0 takes a free one, which the start-up line tells. Other than loopback needs TLS, "
        "or --insecure.",
        section=LISTENING,
        metavar="HOST:PORT",
    )
    tls_certificate: str = setting(
        "",
        "The server's certificate, followed by those between it and the root, as PEM. It, the key and the clients' CA "
        "are read again when they change.",
        section=LISTENING,
        metavar="FILE",
    )
    tls_key: str = setting("", "The certificate's private key, as PEM.", section=LISTENING, metavar="FILE")
    tls_client_ca: str = setting(
        "",
        "Admit only clients with a certificate that one of these has signed (mutual TLS), as PEM.",
        section=LISTENING,
        metavar="FILE",
    )
    tokens: str = setting(
        "",
        "Who may call, and how much: entries written by `raphson token create`. It is read again when it changes. "
        "Without it, whoever reaches the address may call.",
        section=LISTENING,
        metavar="FILE",
    )
    insecure: bool = setting(
        False,
        "Listen beyond loopback without TLS: all is sent in the clear, tokens too. For a network, or a proxy, that "
        "protects it.",
        section=LISTENING,
    )
    max_in_flight: int = setting(
        64,
        "Requests admitted at a time, running and waiting, and batches at a time. Further ones are turned away at once "
        "with RESOURCE_EXHAUSTED, and told when to come again.",
        section=ADMISSION,
        metavar="N",
        least=1,
    )
    drain_seconds: float = setting(
        10.0,
        "How long a server that is told to stop (SIGTERM, Ctrl-C) waits for requests in flight.",
        section=ADMISSION,
        metavar="SECONDS",
        least=0,
    )
    cancel_grace_seconds: float = setting(
        0.25,
        "How long a worker may go on after its call was cancelled or passed its deadline, before it is killed and "
        "replaced.",
        section=ADMISSION,
        metavar="SECONDS",
        least=0,
    )
    reader_patience_seconds: float = setting(
        30.0,
        "How long a stream may wait for its reader to take an item before the call is ended: it holds a worker.",
        section=ADMISSION,
        metavar="SECONDS",
        least=0,
    )
    max_callbacks: int = setting(
        32,
        "Calls at a time that solve a function which the caller evaluates (SolveCallback), waiting for it or not.",
        section=ADMISSION,
        metavar="N",
        least=1,
    )
    max_caller_share: float = setting(
        0.5,
        "Part that one caller may have of the callbacks, of the batches and of the other streams that there may be "
        "at a time, one call at least. Callers are told apart by their tokens, or without tokens by the addresses "
        "they call from. Behind a proxy that is one for all: 1 is for there.",
        section=ADMISSION,
        metavar="PART",
        least=0,
        most=1,
    )
    answer_patience_seconds: float = setting(
        300.0,
        "How long each of these calls waits for the caller's answer.",
        section=ADMISSION,
        metavar="SECONDS",
        least=0,
        most=1_000_000,
    )
    definitions: int = setting(
        10_000,
        "Definitions kept by id, so that a request can name a system instead of repeating its text.",
        section=ADMISSION,
        metavar="N",
        least=1,
    )
    definition_bytes: int = setting(
        256 * MIB,
        "Bytes that those definitions may take together.",
        section=ADMISSION,
        metavar="BYTES",
        least=1024,
    )
    max_message_bytes: int = setting(
        64 * MIB,
        "Largest request and largest reply.",
        section=REQUESTS,
        metavar="BYTES",
        least=1024,
        most=2**31 - 65537,
    )
    max_text_length: int = setting(
        1_048_576,
        "Characters over all equations and Jacobian entries of a definition.",
        section=REQUESTS,
        metavar="CHARACTERS",
        least=1,
    )
    max_depth: int = setting(
        50,
        "Levels of nested parentheses, signs, powers, calls and conditionals.",
        section=REQUESTS,
        metavar="LEVELS",
        least=1,
        most=200,
    )
    max_variables: int = setting(
        4_000_000, "Numbers in all variables of a definition.", section=REQUESTS, metavar="N", least=1, most=2**31 - 1
    )
    max_parameters: int = setting(
        1_000_000, "Numbers in all parameters of a definition.", section=REQUESTS, metavar="N", least=1, most=2**31 - 1
    )
    max_written_equations: int = setting(
        10_000,
        "Equations of a system that is written out one by one. With more it stays families, which are evaluated, "
        "differentiated and solved without a dense matrix; what needs single equations is refused.",
        section=REQUESTS,
        metavar="N",
        least=1,
    )
    max_nodes: int = setting(
        1_000_000,
        "Nodes of a definition's expression graph, derivatives included.",
        section=REQUESTS,
        metavar="N",
        least=1,
        most=2**31 - 1,
    )
    max_dense_entries: int = setting(
        16_000_000,
        "Entries of a dense m×n or n×n matrix; larger systems stay families, and what needs the matrix is refused.",
        section=REQUESTS,
        metavar="N",
        least=1,
        most=2**31 - 1,
    )
    max_family_members: int = setting(
        16_000_000,
        "Members of all families of a definition, and terms of their sums.",
        section=REQUESTS,
        metavar="N",
        least=1,
        most=2**31 - 1,
    )
    max_jacobian_entries: int = setting(
        64_000_000,
        "Entries of a sparse Jacobian that may differ from zero.",
        section=REQUESTS,
        metavar="N",
        least=1,
        most=2**31 - 1,
    )
    max_families: int = setting(
        500,
        "Different expressions of a system that stays families.",
        section=REQUESTS,
        metavar="N",
        least=1,
    )
    max_callback_bytes: int = setting(
        64 * MIB,
        "What a search in a function that the caller evaluates may keep meanwhile: 32 bytes for each of the m×n "
        "derivatives.",
        section=REQUESTS,
        metavar="BYTES",
        least=1024,
    )
    default_deadline_seconds: float = setting(
        60.0,
        "Deadline of a call that brings none.",
        section=REQUESTS,
        metavar="SECONDS",
        least=0.001,
    )
    max_deadline_seconds: float = setting(
        3600.0,
        "How long a call may last, waiting included; a later deadline is brought forward to this. What a watcher of a "
        "job waits for is not meant.",
        section=REQUESTS,
        metavar="SECONDS",
        least=0.001,
    )
    max_cpu_seconds: float = setting(
        3600.0,
        "Processor time that a worker may spend on one request, or one chunk of a batch.",
        section=REQUESTS,
        metavar="SECONDS",
        least=0.001,
    )
    workers: int = setting(
        factory=_cores,
        about="Worker processes that compute at the same time. One more is kept warm, to take the place of a worker "
        "that is lost.",
        section=WORKERS,
        metavar="N",
        least=1,
        shown_default="one a core",
    )
    worker_memory_bytes: int = setting(
        4096 * MIB,
        "Address space that one worker may take; what would not fit is refused before it is allocated. 0 sets no "
        "limit.",
        section=WORKERS,
        metavar="BYTES",
        least=0,
    )
    worker_systems: int = setting(
        256, "Compiled systems that each worker keeps.", section=WORKERS, metavar="N", least=1
    )
    code_cache_bytes: int = setting(
        256 * MIB,
        "Bytes of machine code of systems that are kept on disk, beside the engine's, for workers and servers to come; "
        "about, and what was not used for longest goes. 0 keeps and reads none.",
        section=WORKERS,
        metavar="BYTES",
        least=0,
    )
    systems: tuple[str, ...] = setting(
        (),
        "Serve the functions that this Python file (….py), or module, registers: plain functions that Numba compiles, "
        "see docs/functions.md. May be given several times; nothing else is ever imported. Each worker compiles them "
        "when it starts, about a second a function; one that does not compile, or raises, stops the start.",
        section=WORKERS,
        metavar="FILE|MODULE",
    )
    worker_niceness: int = setting(
        10,
        "Scheduling niceness of the workers; above 0 the front end always gets a core.",
        section=WORKERS,
        metavar="N",
        least=0,
        most=19,
    )
    jobs: str = setting(
        "",
        "Keep and run jobs (JobService). What is known of them is in an SQLite file in this folder, or in the "
        "PostgreSQL database of this URL, which several servers may share. Needs raphson[jobs].",
        section=JOBS,
        metavar="FOLDER|URL",
        is_secret=True,
    )
    job_files: tuple[str, ...] = setting(
        (),
        "Beneath which callers' jobs may read and write; once for each folder, or URL such as s3://bucket/folder. "
        "Without any, every job is refused.",
        section=JOBS,
        metavar="FOLDER|URL",
    )
    jobs_on: str = setting(
        "",
        "Run jobs on the workers of this Dask scheduler, rather than in processes of this machine.",
        section=JOBS,
        metavar="dask://HOST:PORT",
    )
    job_processes: int = setting(
        factory=_cores,
        about="Processes of this machine that compute for jobs.",
        section=JOBS,
        metavar="N",
        least=1,
        shown_default="one a core",
    )
    job_niceness: int = setting(
        15,
        "Their scheduling niceness; above that of the workers, so that calls come first.",
        section=JOBS,
        metavar="N",
        least=0,
        most=19,
    )
    job_lease_seconds: float = setting(
        30.0,
        "After how long without a word of another machine its job is taken over.",
        section=JOBS,
        metavar="SECONDS",
        least=0.1,
    )
    log_level: str = setting(
        "WARNING",
        "What the log on standard error tells; from INFO on, every call.",
        section=TELLING,
        metavar="LEVEL",
        choices=("DEBUG", "INFO", "WARNING", "ERROR"),
    )
    log_format: str = setting(
        "console",
        "How: for people, or one JSON object a line.",
        section=TELLING,
        metavar="FORM",
        choices=("console", "json"),
    )
    metrics_address: str = setting(
        "",
        "Offer metrics for Prometheus at http://HOST:PORT/metrics, to whoever reaches it. Port 0 takes a free one. "
        "Without it there are none.",
        section=TELLING,
        metavar="HOST:PORT",
    )
    trace_endpoint: str = setting(
        "",
        "Send traces to the OpenTelemetry collector at this URL, such as http://127.0.0.1:4317. "
        "Needs raphson[tracing].",
        section=TELLING,
        metavar="URL",
    )

    def __post_init__(self) -> None:
        """Check every range once, so that nothing below has to."""
        for declared in SETTINGS:
            try:
                value = declared.read(getattr(self, declared.name))
            except ValueError as error:
                raise ValueError(f"{declared.name} is {error}") from None
            object.__setattr__(self, declared.name, value)
        check_consistency(self)

    def solver_limits(self) -> dict[str, int]:
        """Return the limits of one definition, by the solver's names."""
        return {limit: getattr(self, name) for limit, name in SOLVER_LIMITS.items()}


SETTINGS = settings_of(ServerConfig)
"""All settings, in the order of the sections."""
