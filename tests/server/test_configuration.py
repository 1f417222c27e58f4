"""What an operator may choose: one set of settings, from a file, the environment and flags."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from raphson_server.cli import main
from raphson_server.configuration import SETTINGS, ServerConfig
from raphson_server.settings_page import page


def show(*flags: str, **environment: str) -> Any:
    """Run ``raphson serve --show-config``."""
    return CliRunner().invoke(main, ["serve", "--show-config", *flags], env=environment)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "raphson.toml"
    path.write_text('workers = 3\nmax_in_flight = 5\njob_files = ["/data"]\njobs = "/var/raphson"\n')
    return path


def sources(output: str) -> dict[str, str]:
    """Return where each setting's value came from."""
    return {
        line.partition(" = ")[0]: line.rpartition("# ")[2]
        for line in output.splitlines()
        if line and not line.startswith("#")
    }


def test_flags_go_before_the_environment_and_it_before_the_file(file: Path) -> None:
    shown = show("--config", str(file), "--workers", "7", RAPHSON_SERVE_WORKERS="6", RAPHSON_SERVE_MAX_IN_FLIGHT="9")
    values, origin = tomllib.loads(shown.output), sources(shown.output)
    assert [(values[name], origin[name]) for name in ("workers", "max_in_flight", "job_files", "max_depth")] == [
        (7, "--workers"),
        (9, "RAPHSON_SERVE_MAX_IN_FLIGHT"),
        (["/data"], str(file)),
        (50, "default"),
    ]
    assert set(values) == {declared.name for declared in SETTINGS}


def test_what_is_shown_is_a_file_that_says_the_same(file: Path, tmp_path: Path) -> None:
    first = show("--config", str(file), "--address", "127.0.0.1:1").output
    again = tmp_path / "again.toml"
    again.write_text(first)
    assert tomllib.loads(show(RAPHSON_SERVE_CONFIG=str(again)).output) == tomllib.loads(first)


def test_a_password_is_not_shown() -> None:
    shown = show("--jobs", "postgresql://raphson:secret@db/jobs").output
    assert ("secret" in shown, 'jobs = "postgresql://raphson:***@db/jobs"' in shown) == (False, True)


def test_the_page_of_settings_is_in_step() -> None:
    assert (Path(__file__).parents[2] / "docs" / "settings.md").read_text() == page(), (
        "expected what `make settings` writes"
    )


def test_help_shows_every_setting_with_its_default() -> None:
    text = " ".join(CliRunner().invoke(main, ["serve", "--help"]).output.split())
    for declared in SETTINGS:
        assert declared.flag in text
        assert " ".join(declared.about.split()[:4]) in text
    assert text.count("[default: ") == len(SETTINGS)


@pytest.mark.parametrize(
    ("content", "flags", "environment", "expected"),
    [
        ("workrs = 2", (), {}, "{file}: workrs is no setting; did you mean workers?"),
        ("workers = '2'", (), {}, "{file}: workers is '2'; expected a whole number of at least 1"),
        ("workers = 0", (), {}, "{file}: workers is 0; expected a whole number of at least 1"),
        ("insecure = 1", (), {}, "{file}: insecure is 1; expected true or false"),
        ("job_files = '/data'", (), {}, "{file}: job_files is '/data'; expected a list of texts"),
        ("drain_seconds = inf", (), {}, "{file}: drain_seconds is inf; expected a finite number of at least 0"),
        ("workers = [", (), {}, "{file} is not TOML that can be read: "),
        ("", (), {"RAPHSON_SERVE_WORKERS": "x"}, "RAPHSON_SERVE_WORKERS: workers is 'x'; expected a whole number of"),
        ("", (), {"RAPHSON_SERVE_WORKER": "1"}, "variable RAPHSON_SERVE_WORKER is no setting; did you mean RAPHSON_"),
        (
            "",
            ("--worker-niceness", "20"),
            {},
            "--worker-niceness: worker_niceness is 20; expected a whole number from",
        ),
        (
            "",
            ("--log-level", "LOUD"),
            {},
            "--log-level: log_level is 'LOUD'; expected one of DEBUG, INFO, WARNING, ERR",
        ),
        ("", ("--wokers", "2"), {}, "--workers"),
        (
            "",
            ("--address", "0.0.0.0:1"),
            {},
            "address is '0.0.0.0:1', which others can reach; expected tls_certificate",
        ),
        ("", ("--tls-key", "k"), {}, "tls_key is 'k', but tls_certificate is empty; expected both or neither"),
        ("", ("--tls-client-ca", "c"), {}, "tls_client_ca is 'c', but tls_certificate is empty; expected one"),
        ("", ("--default-deadline-seconds", "7200"), {}, "default_deadline_seconds is 7200; expected at most the 3600"),
    ],
)
def test_a_wrong_setting_is_named_with_its_place_and_what_was_expected(
    tmp_path: Path, content: str, flags: tuple[str, ...], environment: dict[str, str], expected: str
) -> None:
    file = tmp_path / "raphson.toml"
    file.write_text(content)
    refused = show("--config", str(file), *flags, **environment)
    assert refused.exit_code == 2
    assert expected.format(file=file) in " ".join(refused.output.split())


@pytest.mark.parametrize(
    "choices",
    [
        {"address": "0.0.0.0:1", "insecure": True},
        {"address": "0.0.0.0:1", "tls_certificate": "c", "tls_key": "k"},
        {"address": "[::1]:1"},
        {"address": "localhost:1"},
        {"address": "127.8.9.1:1"},
    ],
)
def test_listening_wider_needs_tls_or_a_word(choices: dict[str, Any]) -> None:
    assert ServerConfig(**choices).address == choices["address"]


@pytest.mark.parametrize(
    "address", ["0.0.0.0:1", "[::]:1", "example.org:1", "10.0.0.1:1", "127.0.0.1.example.org:1", ":1"]
)
def test_addresses_that_others_reach_are_refused(address: str) -> None:
    with pytest.raises(ValueError, match="which others can reach"):
        ServerConfig(address=address)
