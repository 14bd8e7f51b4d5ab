"""What a team's server is made of: an image of what is needed only, containers that may do little, documented settings.

No container is started: the files are read for the properties that docs/deployment.md and SECURITY.md promise.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
STEPS = re.findall(r"^([A-Z]+) +(.*)$", DOCKERFILE.replace("\\\n", " "), re.MULTILINE)
COPIED = [source for step, what in STEPS if step == "COPY" for source in what.split()[:-1]]
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
GUIDE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
VARIABLE = re.compile(r"\bIFFAIR_[A-Z_]+\b")


def settings(step: str) -> str:
    return " ".join(what for found, what in STEPS if found == step)


# ---------------------------------------------------------------------------------------------------------- the image


def test_everything_that_the_image_copies_is_there_and_nothing_for_development():
    assert all((ROOT / source).exists() for source in COPIED), COPIED
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    assert "*" in ignored and {line[1:] for line in ignored if line.startswith("!")} == set(COPIED)
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    needed = {*wheel["wheel"]["packages"], *wheel["wheel"]["force-include"]}
    assert set(COPIED) == needed | {"requirements.txt", "requirements-postgresql.txt", "requirements-sign-in.txt"}


def test_the_image_installs_what_it_copied_and_the_driver_of_postgresql():
    assert set(re.findall(r"-r (\S+)", settings("RUN"))) == {name for name in COPIED if name.endswith(".txt")}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for name, needed in extras.items():
        assert (ROOT / f"requirements-{name}.txt").read_text(encoding="utf-8").split() == needed


def test_the_image_runs_as_nobody_and_writes_to_its_volume_only():
    user, home = settings("USER"), settings("ENV")
    assert user.isdigit() and int(user) > 0 and f"--uid {user}" in settings("RUN")
    assert [step for step, _ in STEPS].index("USER") > max(
        place for place, (step, _) in enumerate(STEPS) if step in ("RUN", "COPY")
    )
    assert settings("VOLUME") == "/data" and "HOME=/tmp" in home and "PYTHONDONTWRITEBYTECODE=1" in home
    for folder in re.findall(r"IFFAIR_(?:CACHE|DATABASE_URL)=(?:sqlite:///)?(\S+)", home):
        assert folder.startswith("/data/")
    assert "/_stcore/health" in settings("HEALTHCHECK")


# ------------------------------------------------------------------------------------------------------ the containers


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_gains_no_rights_and_writes_to_volumes_only(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"] and set(service.get("cap_add", [])) <= {"NET_BIND_SERVICE"}
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged") and "network_mode" not in service and "pid" not in service
    for volume in service["volumes"]:
        source, target, *options = volume.split(":")
        if source in COMPOSE["volumes"]:
            assert target.startswith("/") and not options
        else:
            assert (DEPLOY / source).is_file() and options == ["ro"]
    assert all(re.fullmatch(r"/[\w/]+:size=\d+m", place) for place in service["tmpfs"])


def test_only_the_proxy_is_published_and_the_database_is_on_a_network_without_a_way_out():
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert SERVICES["proxy"]["networks"] == ["front"] and SERVICES["database"]["networks"] == ["back"]
    assert COMPOSE["networks"]["back"]["internal"] is True
    proxy = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    (target,) = SERVICES["app"]["expose"]
    assert f"reverse_proxy app:{target}" in proxy and "admin off" in proxy and f"EXPOSE {target}" in DOCKERFILE
    assert (
        "frame-ancestors 'none'" in proxy and "connect-src 'self'" in proxy and not re.search(r"^\s*log\b", proxy, re.M)
    )


def test_every_container_is_asked_for_its_health_and_waited_for():
    assert [name for name, service in SERVICES.items() if "healthcheck" not in service] == ["app"]  # the image's own
    for service in SERVICES.values():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in SERVICES and how == {"condition": "service_healthy"}


def test_no_secret_stands_in_a_file_of_the_repository():
    assert {secret["file"] for secret in COMPOSE["secrets"].values()} == {
        "./secrets/database_password",
        "./secrets/sign_in.toml",
    }
    assert "/deploy/secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").split("\n")
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            assert "SECRET" not in name and (not name.endswith("PASSWORD")), name
            assert not re.search(r"://[^/@]*:[^/@]*@", str(value)), name
    assert (DEPLOY / SERVICES["app"]["build"] / "Dockerfile").is_file()


# -------------------------------------------------------------------------------------------------------- the settings


def test_every_environment_variable_is_in_the_guides_table_and_every_one_in_the_table_is_used():
    files = [*(ROOT / "iffair_core").rglob("*.py"), *(ROOT / "pages").rglob("*.py"), ROOT / "app.py"]
    used = {name for path in (*files, DEPLOY / "compose.yaml") for name in VARIABLE.findall(path.read_text("utf-8"))}
    told = set(re.findall(r"^\| `(IFFAIR_[A-Z_]+)` \|", GUIDE, re.MULTILINE))
    assert used == told
    assert set(VARIABLE.findall(DOCKERFILE)) <= told
    assert set(re.findall(r"\$\{([A-Z]+)[:}-]", (DEPLOY / "compose.yaml").read_text("utf-8"))) <= set(
        re.findall(r"^\| `([A-Z]+)` \|", GUIDE, re.MULTILINE)
    )
