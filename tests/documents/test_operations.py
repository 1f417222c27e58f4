"""The page on operations, against what it is about."""

from __future__ import annotations

import json
import re
from pathlib import Path

import raphson
import yaml
from click.testing import CliRunner
from raphson_server.cli import main

from tests.documents.registered import families

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
HEALTH, HEALTH_SAID = re.findall(r"^\$ raphson (health .*)\n(.*)$", PAGE, re.MULTILINE)[0]
(LINE,) = re.findall(r"^\{\"event\": \"call\".*\}$", PAGE, re.MULTILINE)
(SEVERAL,) = re.findall(r"^raphson\.connect\(\"dns:///.*\n", PAGE, re.MULTILINE)
DONE = [f"raphson {HEALTH}", f"{LINE}\n", SEVERAL]


def table_of_metrics() -> list[str]:
    """Return the rows that the page is to have; those of the process are Prometheus' own."""
    return [
        f"| `{family.name}` | {family.kind} | {', '.join(f'`{label}`' for label in family.labels)} | {family.text} |"
        for family in families()
        if family.name.startswith("raphson_")
    ]


def test_the_page_has_every_metric_and_no_other() -> None:
    assert [line for line in PAGE.splitlines() if line.startswith("| `raphson_")] == table_of_metrics()


def test_the_page_says_what_to_do_for_each_alert() -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "raphson.rules.yml").read_text())
    alerts = [rule["alert"] for group in rules["groups"] for rule in group["rules"]]
    assert re.findall(r"^\| `(Raphson\w+)` \|", PAGE, re.MULTILINE) == alerts


def test_the_page_shows_a_line_of_the_log() -> None:
    shown = json.loads(LINE)
    assert {"method", "code", "seconds", "caller", "status", "n", "iterations", "request_id", "process"} <= set(shown)


def test_the_page_asks_for_health_as_it_shows(client: raphson.Client) -> None:
    verb, flag, address, *tls = HEALTH.split()
    assert (flag, tls[0]) == ("--address", "--ca")
    result = CliRunner().invoke(main, [verb, flag, client.address])
    assert result.exit_code == 0
    assert result.output.strip() == HEALTH_SAID.replace(address, client.address)


def test_a_name_for_several_servers_is_an_address(client: raphson.Client) -> None:
    (target,) = re.findall(r"^raphson\.connect\(\"(dns:///[^\"]+)\"\)", SEVERAL)
    with raphson.connect(target.replace("raphson:50551", client.address)) as several:
        assert several.solve("x**2 = 4", {"x": 2.0})["x"] == 2.0
