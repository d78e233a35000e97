"""Files for contributors are valid and refer only to existing things."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
GUIDES = sorted(path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), GITHUB / "pull_request_template.md"))


def _valid(schema: str, *files: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_issue_forms_follow_githubs_schema():
    forms = {path.name for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml")} - {"config.yml"}
    assert forms == {"bug.yml", "feature.yml", "borough_integration.yml"}
    _valid("vendor.github-issue-forms", *(GITHUB / "ISSUE_TEMPLATE" / name for name in sorted(forms)))
    _valid("vendor.github-issue-config", GITHUB / "ISSUE_TEMPLATE" / "config.yml")


def test_pre_commit_accepts_its_configuration():
    command = [sys.executable, "-m", "pre_commit", "validate-config", str(ROOT / ".pre-commit-config.yaml")]
    subprocess.run(command, check=True, timeout=60, capture_output=True)


def test_the_dev_container_has_the_shape_of_the_specification():
    """Property names and types of containers.dev's devcontainer.json reference that this file uses."""
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert isinstance(container.pop("name"), str)
    assert container.pop("image").startswith("python:3.11")
    assert container.pop("postCreateCommand") == "make install"
    ports = container.pop("forwardPorts")
    assert ports
    assert all(isinstance(port, int) and 8000 <= port < 8100 for port in ports)
    assert set(container.pop("portsAttributes")) <= {str(port) for port in ports}
    assert container.pop("otherPortsAttributes") == {"onAutoForward": "ignore"}
    assert set(container.pop("hostRequirements")) <= {"cpus", "memory", "storage"}
    assert set(container.pop("customizations")["vscode"]) == {"extensions", "settings"}
    assert not container


def test_every_area_of_the_code_owners_exists():
    lines = (GITHUB / "CODEOWNERS").read_text().splitlines()
    areas = [line.split()[0] for line in lines if line and not line.startswith("#")]
    assert areas
    assert [area for area in areas if not (ROOT / area.strip("/")).exists()] == []


def test_the_changelog_has_the_sections_of_keep_a_changelog():
    sections = re.findall(r"^##+ (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert sections[0] == "[Unreleased]"
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert all(section in kinds or re.fullmatch(r"\[\S+\]( - \d{4}-\d{2}-\d{2})?", section) for section in sections)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_a_guide_names_only_make_targets_that_exist(guide):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = re.findall(r"(?:^|`)make ((?:[a-z-]+ ?)+)", guide.read_text(), re.MULTILINE)
    assert {target for command in commands for target in command.split()} <= targets


def test_the_first_change_still_finds_the_code_that_it_changes():
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    view = (ROOT / "services/notifications/api/staff.py").read_text()
    tests = (ROOT / "tests/notifications/test_staff_api.py").read_text()
    assert "class TemplateOut(" in view
    assert "placeholders=template.placeholders," in view
    assert "characters" not in view, "the exercise has become code: choose another for CONTRIBUTING.md"
    assert [name for name in ("NEW = ", "SCOPE = ", "block: Block", "tokens: Tokens") if name not in tests] == []
    assert "services/notifications/api/staff.py" in guide
