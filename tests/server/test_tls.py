"""TLS and mutual TLS, with a server whose certificates are renewed under its calls."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import raphson
import raphson.aio
import trustme
from click.testing import CliRunner
from raphson_server.cli import main
from raphson_server.configuration import ServerConfig
from raphson_server.front_end.certificates import tls_credentials
from raphson_server.watched_files import UnusableFileError, WatchedFiles

from tests.server.running import Server, running_server, wait_until

SECONDS = 10.0


@dataclass
class Guarded:
    """A server behind mutual TLS, and the authorities on either side."""

    server: Server
    folder: Path
    authority: trustme.CA
    own: dict[str, Any]

    def connect(self, **choices: Any) -> raphson.Client:
        return raphson.connect(self.server.address, **({"ca": self.folder / "ca.pem"} | self.own | choices))


def write(folder: Path, authority: trustme.CA) -> trustme.LeafCert:
    """Give the server another certificate."""
    issued = authority.issue_cert("127.0.0.1", "localhost")
    issued.private_key_pem.write_to_path(folder / "tls.key")
    (folder / "tls.crt").write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    return issued


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("tls")
    authority, of_clients = trustme.CA(), trustme.CA()
    write(folder, authority)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    of_clients.cert_pem.write_to_path(folder / "clients.pem")
    client = of_clients.issue_cert("someone@example.org")
    client.private_key_pem.write_to_path(folder / "client.key")
    client.cert_chain_pems[0].write_to_path(folder / "client.crt")
    with running_server(
        *("--tls-certificate", str(folder / "tls.crt"), "--tls-key", str(folder / "tls.key")),
        *("--tls-client-ca", str(folder / "clients.pem")),
        stderr=subprocess.DEVNULL,
    ) as server:
        yield Guarded(server, folder, authority, {"certificate": folder / "client.crt", "key": folder / "client.key"})


def solves(client: raphson.Client) -> bool:
    return client.solve("x**2 = 4", start={"x": 1.0}, timeout_seconds=SECONDS)["x"] == pytest.approx(2.0)


def test_both_sides_show_certificates(guarded: Guarded) -> None:
    with guarded.connect() as client:
        assert solves(client)


async def _awaited(guarded: Guarded) -> float:
    async with raphson.aio.connect(guarded.server.address, ca=guarded.folder / "ca.pem", **guarded.own) as client:
        return (await client.solve("x**2 = 4", start={"x": 1.0}, timeout_seconds=SECONDS))["x"]


def test_the_awaited_client_and_the_command_line_do_too(guarded: Guarded) -> None:
    assert asyncio.run(_awaited(guarded)) == pytest.approx(2.0)
    folder = guarded.folder
    command = ["solve", "x**2 = 4", "--start", "x=1", "--address", guarded.server.address]
    files = ["--ca", str(folder / "ca.pem"), "--certificate", str(folder / "client.crt")]
    told = CliRunner().invoke(main, [*command, *files], env={"RAPHSON_KEY": str(folder / "client.key")})
    assert (told.exit_code, "converged" in told.output) == (0, True), told.output


@pytest.mark.parametrize(
    "choices",
    [
        {"certificate": None, "key": None},
        {"ca": trustme.CA().cert_pem.bytes()},
        {"ca": None, "certificate": None, "key": None},
    ],
    ids=["no certificate of the client", "an authority that does not know the server", "no TLS"],
)
def test_who_does_not_show_or_trust_one_gets_no_answer(guarded: Guarded, choices: dict[str, Any]) -> None:
    with guarded.connect(**choices) as client, pytest.raises(raphson.ServerUnavailableError):
        client.solve("x**2 = 4", start={"x": 1.0}, timeout_seconds=SECONDS)


def test_certificates_are_renewed_under_open_connections(guarded: Guarded) -> None:
    folder, renewed = guarded.folder, trustme.CA()
    with guarded.connect() as before:
        assert solves(before)
        write(folder, renewed)
        wait_until(lambda: answers(guarded, renewed), SECONDS)
        assert solves(before)
    with guarded.connect() as client, pytest.raises(raphson.ServerUnavailableError, match="vouches for"):
        client.solve("x**2 = 4", start={"x": 1.0}, timeout_seconds=SECONDS)


def answers(guarded: Guarded, authority: trustme.CA) -> bool:
    """Return whether a new connection finds a server that an authority vouches for."""
    try:
        with guarded.connect(ca=authority.cert_pem.bytes()) as client:
            return solves(client)
    except raphson.ServerUnavailableError:
        return False


def test_a_change_that_makes_no_sense_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("raphson_server.watched_files._LOOK_SECONDS", 0.0)
    file = tmp_path / "number"

    def read() -> int:
        try:
            return int(file.read_text())
        except ValueError:
            raise UnusableFileError(f"{file} holds no number") from None

    file.write_text("1")
    watched = WatchedFiles([file], read)
    said = []
    for text in ("none", "none", "22", "22"):
        file.write_text(text)
        said.append((watched.content(), watched.content()))
    assert said == [(1, 1), (1, 1), (22, 22), (22, 22)]
    assert "holds no number; what was read before stays in use" in caplog.text


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"tls.key": trustme.CA().issue_cert("a.org").private_key_pem.bytes()}, "no pair (KEY_VALUES_MISMATCH)"),
        ({"tls.crt": b"nothing"}, "are no pair"),
        ({"clients.pem": b"nothing"}, "clients.pem has no certificate"),
        ({"tls.key": None}, "tls.key cannot be read: No such file"),
    ],
)
def test_files_that_are_no_certificates(tmp_path: Path, content: dict[str, bytes | None], expected: str) -> None:
    authority = trustme.CA()
    write(tmp_path, authority)
    authority.cert_pem.write_to_path(tmp_path / "clients.pem")
    for name, wrong in content.items():
        if wrong is None:
            (tmp_path / name).unlink()
        else:
            (tmp_path / name).write_bytes(wrong)
    config = ServerConfig(
        tls_certificate=str(tmp_path / "tls.crt"),
        tls_key=str(tmp_path / "tls.key"),
        tls_client_ca=str(tmp_path / "clients.pem"),
    )
    with pytest.raises(UnusableFileError) as caught:
        tls_credentials(config)
    assert expected in str(caught.value)
