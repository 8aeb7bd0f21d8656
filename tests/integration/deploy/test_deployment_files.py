"""Every file below deploy/ is what the program that reads it wants, by that program's own word or published schema."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import psycopg
import pytest
import yaml
from outside import absent
from postgres import SETTINGS, PostgresServer

from bus.settings import Settings

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
VENV = Path(sys.executable).parent
KUBERNETES = sorted(path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")
SCRIPTS = sorted(DEPLOY.rglob("*.sh"))


def approved(*command: str | Path, folder: Path = ROOT) -> str:
    """What the program prints that finds nothing wrong."""
    program = str(command[0])
    if shutil.which(program) is None:
        absent(program)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_shell_scripts_have_nothing_that_shellcheck_warns_of(script: Path) -> None:
    approved(VENV / "shellcheck", "--severity=warning", script)


def test_the_container_file_follows_the_rules_of_its_linter_and_runs_as_nobody() -> None:
    file = DEPLOY / "Containerfile"
    approved(VENV / "hadolint", file)
    users = re.findall(r"^USER (.+)$", file.read_text(), re.MULTILINE)
    assert users == ["10001:10001"]
    assert "\nFROM ${BASE}\n" in file.read_text(), "the image that runs has no build tools in it"


def test_the_compose_file_fits_the_compose_specification() -> None:
    compose = DEPLOY / "compose" / "compose.yaml"
    approved(VENV / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", compose)
    services = yaml.safe_load(compose.read_text())["services"]
    assert {name: services[name]["deploy"]["replicas"] for name in ("gateway", "worker", "relay")} == {
        "gateway": 2,
        "worker": 2,
        "relay": 2,
    }
    assert {"rabbitmq1", "rabbitmq2", "rabbitmq3", "postgres", "prometheus"} <= services.keys()
    for service in services.values():
        for mount in service.get("volumes", ()):
            source = mount.partition(":")[0]
            if source.startswith(".") and "/build/" not in source:
                assert (compose.parent / source).exists(), f"{source} is mounted and does not exist"


def test_the_front_door_of_compose_reads_its_file() -> None:
    approved("haproxy", "-c", "-f", DEPLOY / "compose" / "haproxy.cfg")


@pytest.mark.parametrize("file", KUBERNETES, ids=lambda path: path.stem)
def test_kubernetes_manifests_fit_the_schemas_of_their_kinds(file: Path) -> None:
    approved(VENV / "kubernetes-validate", "--strict", file)


def test_every_role_on_kubernetes_has_probes_a_budget_secrets_and_no_root() -> None:
    for role in ("gateway", "console", "worker", "relay"):
        documents = {d["kind"]: d for d in yaml.safe_load_all((DEPLOY / "kubernetes" / f"{role}.yaml").read_text())}
        pod = documents["Deployment"]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert container["args"] == [role]
        assert {"startupProbe", "livenessProbe", "readinessProbe", "resources"} <= container.keys()
        assert {"secretRef": {"name": "meridian-secrets"}} in container["envFrom"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert "PodDisruptionBudget" in documents


def test_the_kubernetes_folder_builds_with_kustomize(tmp_path: Path) -> None:
    folder = tmp_path / "kubernetes"
    shutil.copytree(DEPLOY / "kubernetes", folder)
    shutil.copy(folder / "secret.example.yaml", folder / "secret.yaml")
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is missing on this machine, and no package of Debian has it")
    built = list(yaml.safe_load_all(approved("kubectl", "kustomize", folder)))
    assert sum(one["kind"] == "Deployment" for one in built) == 4
    images = {
        container["image"]
        for one in built
        if one["kind"] in ("Deployment", "Job")
        for container in one["spec"]["template"]["spec"]["containers"]
    }
    assert images == {"registry.hospital.example/meridian:0.1.0"}


@pytest.mark.parametrize("role", ["serve", "gateway", "console", "worker", "relay"])
def test_systemd_takes_the_unit_of_each_role_and_finds_it_well_confined(role: str, tmp_path: Path) -> None:
    unit = (DEPLOY / "systemd" / "meridian@.service").read_text().replace("/opt/meridian/bin/meridian", sys.executable)
    for name, text in ((f"meridian@{role}.service", unit), ("meridian.target", None)):
        (tmp_path / name).write_text(text or (DEPLOY / "systemd" / name).read_text())
    assert approved("systemd-analyze", "verify", tmp_path / f"meridian@{role}.service") == ""
    exposure = approved(
        "systemd-analyze", "security", "--offline=true", "--threshold=25", tmp_path / f"meridian@{role}.service"
    )
    assert "OK" in exposure.splitlines()[-1]


def test_prometheus_reads_its_files_and_each_alert_rings_when_it_should() -> None:
    folder = DEPLOY / "prometheus"
    approved("promtool", "check", "config", "--syntax-only", folder / "prometheus.yml")
    approved("promtool", "check", "rules", folder / "meridian.rules.yml")
    approved("promtool", "test", "rules", "meridian.rules.test.yml", folder=folder)


def test_alerts_ask_for_figures_that_the_bus_gives() -> None:
    rules = (DEPLOY / "prometheus" / "meridian.rules.yml").read_text()
    source = "".join(path.read_text() for path in (ROOT / "bus").rglob("*.py"))
    asked = set(re.findall(r"\bmeridian_[a-z_]+", rules))
    given = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in asked}
    assert len(given) > 5
    assert [name for name in sorted(given) if f'"{name}"' not in source] == []


def test_every_setting_that_deployment_files_set_is_a_setting() -> None:
    known = {f"MERIDIAN_{field.name.upper()}" for field in fields(Settings)} | {"MERIDIAN_CONFIG", "MERIDIAN_IMAGE"}
    texts = {path: path.read_text() for path in DEPLOY.rglob("*") if path.is_file()}
    strange = {
        f"{path.relative_to(DEPLOY)}: {name}"
        for path, text in texts.items()
        for name in re.findall(r"\bMERIDIAN_[A-Z_]+", text)
        if name not in known
    }
    assert strange == set()


def configuration() -> Mapping[str, str]:
    """The settings of deploy/postgresql/meridian.conf."""
    lines = (DEPLOY / "postgresql" / "meridian.conf").read_text().splitlines()
    pairs = (line.partition("#")[0].partition("=") for line in lines if line.partition("#")[0].strip())
    return {name.strip(): value.strip().strip("'") for name, _, value in pairs}


def test_postgresql_starts_with_every_setting_of_its_file() -> None:
    # What the machine of a test does not have, or must not open.
    wanted = {**configuration(), "shared_buffers": "32MB", "listen_addresses": "127.0.0.1"}
    try:
        server = PostgresServer(settings=SETTINGS | wanted)
    except FileNotFoundError as error:
        absent(str(error))
    with server, psycopg.connect(server.url) as connection:
        for name in wanted:
            assert connection.execute("SELECT 1 FROM pg_settings WHERE lower(name) = %s", (name,)).fetchone(), name
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
