"""Who may call, for what, and how much: a server that asks for tokens, and the file that it keeps of them."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import grpc
import numpy as np
import pyarrow as pa
import pytest
import raphson
from click.testing import CliRunner
from pyarrow import parquet
from raphson_server.cli import main
from raphson_server.failures import CallError
from raphson_server.front_end.caller import CALLER, Caller, address_of
from raphson_server.front_end.guard import Guard
from raphson_server.front_end.observing import Observer
from raphson_server.front_end.seats import Seats
from raphson_server.tokens import SCOPES, Quotas, TokenEntry, find_token, new_token, read_tokens, write_entry
from raphson_server.watched_files import UnusableFileError

from tests.server.calling import by_text, chunk, endless, problem
from tests.server.conversing import Conversation, opening
from tests.server.running import Server, running_server, wait_until

EASY = by_text("x**2 = 4", start={"x": 1.0})
TOKENS: dict[str, tuple[list[str], dict[str, float]]] = {
    "solver": (["solve"], {}),
    "jacobian": (["jacobian"], {}),
    "hurried": (["solve"], {"requests_per_minute": 2}),
    "single": (["solve"], {"in_flight": 1}),
    "spender": (["solve"], {"cpu_seconds_per_minute": 0.02}),
    "small": (["solve"], {"largest_variables": 2, "largest_members": 100}),
    "clerk": (["jobs"], {}),
    "colleague": (["jobs"], {}),
    "operator": (["admin"], {}),
}


@dataclass
class Asking:
    """A server that asks for tokens."""

    server: Server
    folder: Path
    tokens: dict[str, str]

    def connect(self, name: str | None) -> raphson.Client:
        return raphson.connect(self.server.address, token=None if name is None else self.tokens.get(name, name))

    def metadata(self, name: str) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.tokens[name]}"),)


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    folder = tmp_path_factory.mktemp("tokens")
    (folder / "data").mkdir()
    tokens = {name: new_token(name) for name in [*TOKENS, "late"]}
    entries = [write_entry(tokens[name], scopes, None, quotas) for name, (scopes, quotas) in TOKENS.items()]
    entries.append(write_entry(tokens["late"], ["solve"], dt.date(2020, 1, 1), {}))
    (folder / "tokens.toml").write_text("\n".join(entries))
    jobs = ("--jobs", str(folder / "jobs"), "--job-files", str(folder / "data"), "--job-processes", "1")
    told = ("--metrics-address", "127.0.0.1:0", "--log-level", "INFO", "--log-format", "json")
    flags = ("--tokens", str(folder / "tokens.toml"), *jobs, *told)
    with (folder / "log").open("w") as log, running_server(*flags, others=2, stderr=log.fileno()) as server:
        yield Asking(server, folder, tokens)


def solve(client: raphson.Client) -> float:
    return float(client.solve("x**2 = 4", start={"x": 1.0})["x"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (None, "the call has no token; expected the metadata authorization: Bearer TOKEN"),
        ("raphson.solver.wrong", "the token is not known here"),
        ("nonsense", "the token is not known here"),
        ("late", "the token late expired on 2020-01-01"),
    ],
)
def test_without_a_good_token_there_is_no_answer(asking: Asking, name: str | None, expected: str) -> None:
    with asking.connect(name) as client, pytest.raises(raphson.AccessDeniedError, match=expected) as caught:
        solve(client)
    assert (caught.value.code, caught.value.reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")


def test_a_token_is_good_for_its_scopes(asking: Asking) -> None:
    with asking.connect("jacobian") as client:
        assert client.jacobian("x**2", at={"x": 3.0}) == pytest.approx(6.0)
        with pytest.raises(raphson.AccessDeniedError, match=r"is for jacobian; .*SolverService needs admin or solve"):
            solve(client)
        with pytest.raises(raphson.AccessDeniedError):
            list(client.find_all("x**2 = 2", bounds={"x": (-3, 3)}))
        with pytest.raises(raphson.AccessDeniedError):
            client.solve_batch("x**2 = p", start={"x": 1.0}, parameters={"p": np.ones(3)})
    with asking.connect("solver") as client, pytest.raises(raphson.AccessDeniedError):
        client.jacobian("x**2", at={"x": 3.0})
    with asking.connect("operator") as client:
        assert solve(client) == pytest.approx(2.0)
        assert list(client.jobs()) == []


def test_health_asks_nobody(asking: Asking) -> None:
    assert asking.server.serving()


def test_calls_a_minute(asking: Asking) -> None:
    with asking.connect("hurried") as client:
        system = client.compile("x**2 = 4", start={"x": 1.0})
        assert client.solve(system, start={"x": 1.0}).converged
        with pytest.raises(raphson.ServerBusyError, match="over its quota requests_per_minute") as caught:
            solve(client)
    assert caught.value.reason == "QUOTA_EXCEEDED"
    assert caught.value.retry_seconds == pytest.approx(30, abs=3)


def test_calls_at_a_time(asking: Asking) -> None:
    held = asking.server.solver.Solve.future(endless(), timeout=30, metadata=asking.metadata("single"))
    asking.server.wait_for_busy_workers(1)
    with pytest.raises(grpc.RpcError) as caught:
        asking.server.solver.Solve(EASY, timeout=20, metadata=asking.metadata("single"))
    refused = problem(caught.value)
    held.cancel()
    assert (refused.code.name, refused.reason) == ("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")
    assert (refused.metadata, refused.retry_seconds) == ({"quota": "in_flight", "maximum": "1"}, 0.25)
    wait_until(lambda: not refusal(asking, "single"), 10)


def refusal(asking: Asking, name: str) -> str:
    """Return why a call is refused; empty if it is answered."""
    try:
        asking.server.solver.Solve(EASY, timeout=20, metadata=asking.metadata(name))
    except grpc.RpcError as error:
        return problem(error).message
    return ""


def test_processor_time_a_minute_is_owed_afterwards(asking: Asking) -> None:
    with asking.connect("spender") as client:
        client.solve("x**2 + 1 = 0", start={"x": 0.7}, max_iterations=10**9, method="newton", timeout_seconds=0.5)
        with pytest.raises(raphson.ServerBusyError, match="cpu_seconds_per_minute") as caught:
            solve(client)
    assert caught.value.retry_seconds is not None
    assert caught.value.retry_seconds > 30


def test_sizes(asking: Asking) -> None:
    with asking.connect("solver") as other, asking.connect("small") as client:
        system = other.compile(["x = 1", "y = 2", "z = 3"], start={"x": 0.0, "y": 0.0, "z": 0.0})
        start = {"x": 0.0, "y": 0.0, "z": 0.0}
        for _ in range(3):  # the worker knows the request's form by then
            assert other.solve(system, start=start).converged
        with pytest.raises(raphson.InvalidRequestError, match="3 variables are more than the 2") as caught:
            client.solve(system, start=start)
        assert caught.value.metadata["quota"] == "largest_variables"
        assert solve(client) == pytest.approx(2.0)
        members = {"p": np.linspace(1, 2, 101)}
        with pytest.raises(raphson.InvalidRequestError, match="101 so far are more than the 100") as caught:
            client.solve_batch("x**2 = p", start={"x": 1.0}, parameters=members)
        assert caught.value.metadata["quota"] == "largest_members"


@pytest.mark.parametrize(("members", "delivered"), [([60, 40], [60, 40]), ([60, 41], [60]), ([60, 40, 1], [60, 40])])
def test_the_members_of_all_chunks_are_one_batchs(asking: Asking, members: list[int], delivered: list[int]) -> None:
    system_id = asking.server.solver.Solve(EASY, timeout=20, metadata=asking.metadata("small")).system_id
    chunks = [chunk(system_id, count, {"x": 1.0}) for count in members]
    replies = asking.server.solver.SolveBatch(iter(chunks), timeout=20, metadata=asking.metadata("small"))
    assert [len(next(replies).statuses) for _ in delivered] == delivered
    if delivered == members:
        assert not list(replies)
        return
    with pytest.raises(grpc.RpcError) as caught:
        next(replies)
    refused = problem(caught.value)
    assert (refused.code.name, refused.reason, refused.field) == ("RESOURCE_EXHAUSTED", "LIMIT_EXCEEDED", "members")
    assert refused.metadata["quota"] == "largest_members"


def test_callbacks_count_as_calls_and_have_sizes(asking: Asking) -> None:
    first = Conversation(asking.server, metadata=asking.metadata("single"))
    assert first.open(opening({"x": 5.0})).question.number == 1
    # While the caller thinks, it is its one call.
    assert "over its quota in_flight" in refusal(asking, "single")
    first.close()
    wait_until(lambda: not refusal(asking, "single"), 10)
    with pytest.raises(grpc.RpcError) as caught:
        Conversation(asking.server, metadata=asking.metadata("small")).open(opening({"x": np.ones(3)}))
    refused = problem(caught.value)
    assert (refused.code.name, refused.field) == ("RESOURCE_EXHAUSTED", "opening.start")
    assert refused.metadata["quota"] == "largest_variables"
    with pytest.raises(grpc.RpcError) as caught:
        Conversation(asking.server, metadata=asking.metadata("jacobian")).open(opening({"x": 5.0}))
    assert problem(caught.value).reason == "SCOPE_MISSING"


def test_who_called_is_told_and_who_was_turned_away(asking: Asking) -> None:
    metadata = (*asking.metadata("solver"), ("x-request-id", "good"))
    asking.server.solver.Solve(EASY, timeout=20, metadata=metadata)
    before = asking.server.metrics()
    for request_id, headers in (("nobody", ()), ("clerk", asking.metadata("clerk"))):
        with pytest.raises(grpc.RpcError):
            asking.server.solver.Solve(EASY, timeout=20, metadata=(*headers, ("x-request-id", request_id)))
    told: dict[str, dict[str, Any]] = {}

    def are_there() -> bool:
        lines = map(json.loads, (asking.folder / "log").read_text().splitlines())
        told.update({line["request_id"]: line for line in lines if line["event"] == "call"})
        return {"good", "nobody", "clerk"} <= told.keys()

    wait_until(are_there, 10)
    assert (told["good"]["caller"], told["good"]["code"]) == ("solver", "OK")
    assert 0 < told["good"]["cpu_seconds"] < 20
    assert told["nobody"]["caller"].startswith("ipv4:")
    assert told["clerk"]["caller"] == "clerk"
    reasons = {"nobody": "UNAUTHENTICATED", "clerk": "SCOPE_MISSING"}
    assert {name: told[name]["reason"] for name in reasons} == reasons
    after = asking.server.metrics()
    for reason in reasons.values():
        name = f"raphson_request_failures_total reason={reason}"
        assert after[name] == before.get(name, 0.0) + 1
    log = (asking.folder / "log").read_text()
    assert not any(token in log for token in asking.tokens.values())


def test_a_job_belongs_to_the_token_that_made_it(asking: Asking) -> None:
    folder = asking.folder / "data"
    parquet.write_table(pa.table({"p": [1.0, 4.0]}), folder / "in.parquet")
    with asking.connect("clerk") as clerk, asking.connect("colleague") as colleague:
        job = clerk.create_job(
            "x**2 = p",
            str(folder / "in.parquet"),
            str(folder / "out.parquet"),
            start={"x": 1.0},
            parameters={"p": None},
            request_id="one",
        )
        assert [each.name for each in clerk.jobs()] == [job.name]
        assert list(colleague.jobs()) == []
        with pytest.raises(raphson.JobNotFoundError):
            colleague.job(job.name)
        with pytest.raises(raphson.AccessDeniedError):
            solve(clerk)
    with asking.connect("operator") as operator:
        assert operator.job(job.name).name == job.name


def test_the_file_is_read_again_when_it_changes(asking: Asking) -> None:
    file = asking.folder / "tokens.toml"
    before = file.read_text()
    with asking.connect("solver") as client:
        assert solve(client) == pytest.approx(2.0)
        made = CliRunner().invoke(main, ["token", "create", "--name", "new", "--scope", "solve", "--store", str(file)])
        asking.tokens["new"] = made.output.strip()
        wait_until(lambda: not refused_to(asking, "new"), 10)
        file.write_text(before.replace("[solver]", "[somebody]"))
        wait_until(lambda: refused_to(asking, "solver"), 10)
    file.write_text(before)


def refused_to(asking: Asking, name: str) -> bool:
    with asking.connect(name) as client:
        try:
            solve(client)
        except raphson.AccessDeniedError:
            return True
    return False


# --- the file -------------------------------------------------------------------------------------------------


def test_what_is_stored_lets_nobody_in(tmp_path: Path) -> None:
    store = tmp_path / "tokens.toml"
    arguments = [
        "token",
        "create",
        "--scope",
        "solve",
        "--scope",
        "jobs",
        "--in-flight",
        "3",
        "--expires",
        "2031-02-03",
    ]
    tokens = []
    for name in ("alice", "bob"):
        made = CliRunner().invoke(main, [*arguments, "--name", name, "--store", str(store)])
        assert made.exit_code == 0, made.output
        tokens.append(made.output.strip())
    assert store.stat().st_mode & 0o777 == 0o600
    assert all(token.rpartition(".")[2] not in store.read_text() for token in tokens)
    entries = read_tokens(store)
    alice = find_token(entries, tokens[0])
    assert alice is not None
    assert (alice.name, alice.scopes, alice.expires) == ("alice", {"solve", "jobs"}, dt.date(2031, 2, 3))
    assert alice.quotas == Quotas(in_flight=3)
    for wrong in (
        "",
        tokens[0] + "x",
        tokens[0].replace("alice", "bob"),
        alice.sha256.hex(),
        "raphson.alice.",
        "é.b.c",
    ):
        assert find_token(entries, wrong) is None
    again = CliRunner().invoke(main, [*arguments, "--name", "bob", "--store", str(store)])
    assert (again.exit_code, "has an entry bob already" in again.output) == (2, True)


def test_without_a_store_the_entry_is_printed_beside() -> None:
    made = CliRunner().invoke(main, ["token", "create", "--name", "carol", "--scope", "admin"])
    token, entry = made.stdout.split("\n", 1)
    assert tomllib.loads(entry)["carol"]["scopes"] == ["admin"]
    assert token.startswith("raphson.carol.")


NO_SCOPES = 'sha256 = "' + "0" * 64 + '"\n'
GOOD = NO_SCOPES + 'scopes = ["solve"]\n'


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (f"[alice]\n{GOOD}in_fligt = 3", "alice: in_fligt is unknown; did you mean in_flight?"),
        (f"[alice]\n{GOOD}in_flight = 0", "in_flight is 0; expected a whole number above 0"),
        (f"[alice]\n{GOOD}in_flight = 1.5", "in_flight is 1.5; expected a whole number above 0"),
        (f"[alice]\n{GOOD}requests_per_minute = true", "requests_per_minute is True; expected a number above 1e-9"),
        (f"[alice]\n{GOOD}requests_per_minute = nan", "requests_per_minute is nan; expected a number above 1e-9"),
        (
            f"[alice]\n{GOOD}requests_per_minute = inf",
            "requests_per_minute is inf; expected a number above 1e-9",
        ),
        (f"[alice]\n{GOOD}requests_per_minute = 5e-324", "is 5e-324; expected a number above 1e-9, below 2**63"),
        (f"[alice]\n{GOOD}requests_per_minute = -1", "requests_per_minute is -1; expected a number above 1e-9"),
        (f"[alice]\n{GOOD}requests_per_minute = [1]", "requests_per_minute is [1]; expected a number above 1e-9"),
        (f"[alice]\n{GOOD}in_flight = 1{'0' * 400}", f"in_flight is 1{'0' * 99}…; expected a whole number above 0"),
        (f"[alice]\n{GOOD}cpu_seconds_per_minute = 1{'0' * 400}", "…; expected a number above 1e-9, below 2**63"),
        (f"[alice]\n{GOOD}in_flight = 0x{'f' * 5000}", "in_flight is a number of thousands of digits; expected"),
        (f"[alice]\n{GOOD}in_flight = {'9' * 5000}", "is not TOML: Exceeds the limit"),
        (f"[alice]\n{GOOD}in_flight = {'[' * 5000}", "is not TOML: maximum recursion depth"),
        (f"[alice]\n{GOOD}expires = '2027'", "expires is '2027'; expected a date"),
        (f"[alice]\n{GOOD}expires = 2027-01-31T00:00:00", "expires is datetime.datetime(2027, 1, 31, 0, 0); expected"),
        ('[alice]\nsha256 = 3\nscopes = ["solve"]', "sha256 is 3; expected the 64 digits"),
        (f"[alice]\n{NO_SCOPES}scopes = [['x']]", "scopes is [['x']]; expected a list of solve, jacobian"),
        (f"[alice]\n{NO_SCOPES}scopes = [{{x = 1}}]", "scopes is [{'x': 1}]; expected a list of solve, jacobian"),
        (f"[alice]\n{NO_SCOPES}scopes = 'solve'", "scopes is 'solve'; expected a list of solve, jacobian"),
        (f"[alice]\n{NO_SCOPES}scopes = {{solve = 1}}", "scopes is {'solve': 1}; expected a list of solve, jacobian"),
        (f"[[alice]]\n{GOOD}", "alice is no entry"),
        ('[alice]\nsha256 = "abc"\nscopes = ["solve"]', "sha256 is 'abc'; expected the 64 digits"),
        (f"[alice]\n{NO_SCOPES}", "scopes is None; expected a list of solve, jacobian, jobs, admin"),
        ('["a b"]\n' + GOOD, "a b is no entry; expected [NAME]"),
        ("alice = 3", "alice is no entry"),
        ("[", "is not TOML"),
        (None, "cannot be read"),
    ],
)
def test_files_that_make_no_sense(tmp_path: Path, content: str | None, expected: str) -> None:
    file = tmp_path / "tokens.toml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UnusableFileError) as caught:
        read_tokens(file)
    assert expected in str(caught.value)


def test_a_file_that_everybody_may_write_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    file.write_text(f"[alice]\n{GOOD}")
    file.chmod(0o666)
    with pytest.raises(UnusableFileError, match="may be written by everybody"):
        read_tokens(file)


# --- quotas and turns -----------------------------------------------------------------------------------------


def caller(**quotas: Any) -> Caller:
    return Caller(TokenEntry(name="a", sha256=b"", scopes=frozenset({"solve"}), quotas=Quotas(**quotas)))


def test_a_batch_waits_for_the_processor_time_that_it_owes() -> None:
    spender = caller(cpu_seconds_per_minute=600.0)
    spender.spend(602.0)
    began = time.monotonic()
    asyncio.run(spender.wait_to_go_on())
    assert 0.15 < time.monotonic() - began < 5


def test_one_caller_has_half_of_the_seats() -> None:
    seats = Seats(4, "callbacks", "max_callbacks", share=0.5)

    def takes(name: str, stack: ExitStack) -> bool:
        CALLER.set(Caller(TokenEntry(name=name, sha256=b"", scopes=frozenset({"solve"}), quotas=Quotas())))
        try:
            stack.enter_context(seats.one())
        except CallError:
            return False
        return True

    def take() -> list[bool]:
        with ExitStack() as stack:
            return [takes(name, stack) for name in "aaabbbc"]

    assert [copy_context().run(take) for _ in range(2)] == 2 * [[True, True, False, True, True, False, False]]
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(seats.one())  # without tokens all are one
        with pytest.raises(CallError, match=r"4 callbacks are under way, .* --max-callbacks;") as caught:
            stack.enter_context(seats.one())
    assert caught.value.metadata == {"limit": "max_callbacks", "maximum": "4"}


@pytest.mark.parametrize(
    ("most", "share", "of_one"), [(32, 0.5, 16), (3, 0.5, 1), (1, 0.5, 1), (10, 0.7, 7), (8, 0.0, 1), (8, 1.0, 8)]
)
def test_without_tokens_one_address_has_its_share_of_the_seats(most: int, share: float, of_one: int) -> None:
    seats = Seats(most, "callbacks", "max_callbacks", share=share)
    with ExitStack() as stack:
        for _ in range(of_one):
            stack.enter_context(seats.one("10.0.0.7"))
        with pytest.raises(CallError) as caught:
            stack.enter_context(seats.one("10.0.0.7"))
        limit = "max_callbacks" if of_one == most else "max_caller_share"
        assert caught.value.metadata["limit"] == limit
        for _ in range(most - of_one):
            stack.enter_context(seats.one(f"10.0.0.{_ % 2}" if of_one > 1 else f"10.0.1.{_}"))


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.0.0.7:50312", "10.0.0.7"),
        ("ipv6:%5B2001:db8::7%5D:50312", "2001:db8::7"),
        ("ipv6:[::1]:50312", "::1"),
        ("unix:/run/raphson.sock", "unix:/run/raphson.sock"),
    ],
)
def test_connections_of_one_address_are_one_caller(peer: str, address: str) -> None:
    assert address_of(Mock(peer=Mock(return_value=peer))) == address


def test_a_service_that_nobody_thought_of_is_closed(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    tokens = {scope: new_token(scope) for scope in SCOPES}
    file.write_text("\n".join(write_entry(token, [scope], None, {}) for scope, token in tokens.items()))
    guard = Guard(file, Observer())
    handler = grpc.unary_unary_rpc_method_handler(lambda request, context: request)

    def is_open(method: str, scope: str) -> bool:
        details = Mock(method=method, invocation_metadata=(("authorization", f"Bearer {tokens[scope]}"),))

        async def find(_: grpc.HandlerCallDetails) -> Any:
            return handler

        made = asyncio.run(guard.intercept_service(find, details))
        return made is not None and made.unary_unary is not None

    reflection = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    methods = ("/raphson.v1.SystemService/Compile", reflection, "/raphson.v2.New/Method")
    assert {method: [scope for scope in SCOPES if is_open(method, scope)] for method in methods} == {
        methods[0]: list(SCOPES),
        reflection: list(SCOPES),
        methods[2]: ["admin"],
    }
