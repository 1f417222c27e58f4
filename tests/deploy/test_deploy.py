"""The files to deploy by: they can be read, name flags, metrics and files that there are, and give up their rights."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from raphson_server.cli.serve import serve
from raphson_server.configuration import MIB, ServerConfig

from tests.documents.registered import families

DEPLOY = Path(__file__).parents[2] / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
# Of the functions and keywords of PromQL none is written so.
METRIC = re.compile(r"\b(?:raphson|process)_[a-z_]+\b")


def expressions() -> Iterator[str]:
    """Return all that is asked of Prometheus."""
    dashboard = json.loads((DEPLOY / "grafana" / "raphson.json").read_text())
    yield from (target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    yield from (chosen["query"] for chosen in dashboard["templating"]["list"])
    rules = yaml.safe_load((DEPLOY / "prometheus" / "raphson.rules.yml").read_text())
    yield from (rule["expr"] for group in rules["groups"] for rule in group["rules"])


def test_every_metric_that_is_asked_for_is_offered() -> None:
    offered = {sample for family in families() for sample in family.samples}
    asked = {metric for expression in expressions() for metric in METRIC.findall(expression)}
    assert len(asked) > 15
    assert asked <= offered


def test_every_metric_is_in_a_panel_or_is_left_out_for_a_reason() -> None:
    program = runpy.run_path(str(DEPLOY / "grafana" / "make_dashboard.py"))
    expressions = " ".join(target["expr"] for panel in program["dashboard"]()["panels"] for target in panel["targets"])
    shown = set(METRIC.findall(expressions))
    unseen = {family.name for family in families() if shown.isdisjoint(family.samples)}
    assert unseen == set(program["NOT_SHOWN"])
    assert all(program["NOT_SHOWN"].values())


def test_every_label_that_is_asked_for_is_offered() -> None:
    labels = {sample: family.labels for family in families() for sample in family.samples}
    of_prometheus = {"instance"}
    for expression in expressions():
        for metric, chosen in re.findall(r"\b((?:raphson|process)_[a-z_]+)\{([^}]*)\}", expression):
            assert set(re.findall(r"(\w+)\s*=", chosen)) <= of_prometheus | set(labels[metric]), expression


def test_the_dashboard_is_what_its_program_writes() -> None:
    program = runpy.run_path(str(DEPLOY / "grafana" / "make_dashboard.py"))
    assert (DEPLOY / "grafana" / "raphson.json").read_text() == program["written"]()


def resources(folder: Path) -> list[Any]:
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    return [yaml.safe_load((folder / name).read_text()) for name in listed]


def patched(resource: Any, operations: list[Any]) -> Any:
    """Apply a JSON patch of adding and replacing."""
    for operation in operations:
        *path, last = operation["path"].split("/")[1:]
        at = resource
        for step in path:
            at = at[int(step)] if isinstance(at, list) else at[step]
        if not isinstance(at, list):
            assert (last in at) is (operation["op"] == "replace")
            at[last] = operation["value"]
        elif operation["op"] == "replace":
            at[int(last)] = operation["value"]
        else:
            at.insert(len(at) if last == "-" else int(last), operation["value"])
    return resource


def commands() -> dict[str, list[str]]:
    """Return the arguments of `raphson` in every file that has some."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    (deployment,) = [each for each in resources(KUBERNETES) if each["kind"] == "Deployment"]
    plain = list(deployment["spec"]["template"]["spec"]["containers"][0]["args"])
    with_tls = patched(deployment, yaml.safe_load((KUBERNETES / "tls" / "deployment.yaml").read_text()))
    container = (DEPLOY / "container" / "Containerfile").read_text().replace("\\\n", " ")
    unit = (DEPLOY / "systemd" / "raphson.service").read_text().replace("\\\n", " ")
    start = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert start is not None
    return {
        "compose": compose["services"]["raphson"]["command"],
        "kubernetes": plain,
        "kubernetes with TLS": with_tls["spec"]["template"]["spec"]["containers"][0]["args"],
        "container": json.loads(container[container.rindex("CMD ") :].removeprefix("CMD ")),
        "systemd": shlex.split(start[1])[1:],
    }


@pytest.mark.parametrize("place", ["compose", "kubernetes", "kubernetes with TLS", "container", "systemd"])
def test_every_flag_is_one_of_the_commands(place: str) -> None:
    known = {flag for parameter in serve.params for flag in parameter.opts}
    command, *arguments = commands()[place]
    assert command == "serve"
    flags = {argument.partition("=")[0] for argument in arguments if argument.startswith("--")}
    assert flags <= known
    is_in_the_clear = "--insecure" in flags
    assert is_in_the_clear is (place == "kubernetes")
    has_certificate = {"--tls-certificate", "--tls-key"} <= flags
    assert has_certificate is not is_in_the_clear


def test_the_containers_give_up_their_rights() -> None:
    (deployment,) = [each for each in resources(KUBERNETES) if each["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    raphson = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["raphson"]
    assert (raphson["read_only"], raphson["cap_drop"]) == (True, ["ALL"])
    lines = (DEPLOY / "container" / "Containerfile").read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users == [str(pod["securityContext"]["runAsUser"])]


def test_who_stops_a_server_gives_it_time_to_drain() -> None:
    def drain(place: str) -> float:
        arguments = " ".join(commands()[place]).replace("=", " ").split()
        return float(arguments[arguments.index("--drain-seconds") + 1])

    (deployment,) = [each for each in resources(KUBERNETES) if each["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] >= drain("kubernetes") + pause + 10
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert float(compose["services"]["raphson"]["stop_grace_period"].rstrip("s")) >= drain("compose") + 10
    stop = re.search(r"^TimeoutStopSec=(\d+)$", (DEPLOY / "systemd" / "raphson.service").read_text(), re.MULTILINE)
    assert stop is not None
    assert float(stop[1]) >= drain("systemd") + 10


def test_the_volume_for_machine_code_holds_it() -> None:
    """A pod that passes the limit of a volume is ended."""
    (deployment,) = [each for each in resources(KUBERNETES) if each["kind"] == "Deployment"]
    volumes = {each["name"]: each for each in deployment["spec"]["template"]["spec"]["volumes"]}
    limit = int(volumes["cache"]["emptyDir"]["sizeLimit"].removesuffix("Mi")) * MIB
    # The engine's, and what that of systems may pass its bound by.
    assert limit >= 1.5 * ServerConfig().code_cache_bytes + 50 * MIB


def test_selectors_select_the_pods() -> None:
    by_kind = {each["kind"]: each for each in resources(KUBERNETES)}
    labels = by_kind["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert by_kind["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert by_kind["Service"]["spec"]["selector"] == labels
    assert by_kind["Service"]["spec"]["clusterIP"] == "None"
    assert by_kind["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert by_kind["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels


def test_what_else_is_mounted_is_there() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    for service in services.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./") and not source.startswith("./certificates/"):
                assert (DEPLOY / source).exists()
    for file in DEPLOY.rglob("provisioning/*/*.yaml"):
        assert yaml.safe_load(file.read_text())["apiVersion"] == 1


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_unit_and_finds_it_safe(tmp_path: Path) -> None:
    unit = (DEPLOY / "systemd" / "raphson.service").read_text().replace("/opt/raphson/bin/raphson", "/bin/true")
    (tmp_path / "raphson.service").write_text(unit)
    path = str(tmp_path / "raphson.service")
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, timeout=30, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", path], capture_output=True, text=True, timeout=30, check=True
    )
    exposure = re.search(r"exposure level for raphson\.service: ([\d.]+)", rated.stdout)
    assert exposure is not None
    assert float(exposure[1]) < 2
