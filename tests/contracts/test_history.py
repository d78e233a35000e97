"""The baseline of the contract comparison, in a real repository."""

import json
import subprocess

import pytest

from deploy.contracts import history
from deploy.contracts.breaks import breaks

BEFORE = {"type": "object", "properties": {"share": {"type": "string"}}, "required": ["share"]}
AFTER = {"type": "object", "properties": {"share": {"type": "integer"}}, "required": ["share"]}


@pytest.fixture
def repository(tmp_path):
    git = Git(tmp_path)
    git("init", "--quiet", "--initial-branch=main")
    git.commit("First", BEFORE)
    return git


class Git:
    def __init__(self, root):
        self.root = root

    def __call__(self, *arguments):
        identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false"]
        done = subprocess.run(["git", *identity, *arguments], cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, message, schema):
        file = self.root / "contracts/schemas/x.v1.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(schema))
        self("add", ".")
        self("commit", "--quiet", "--allow-empty", "-m", message)
        return self("rev-parse", "HEAD")


def test_a_first_commit_has_nothing_to_be_compared_with(repository):
    assert history.baseline(repository.root) is None


def test_outside_a_repository_there_is_nothing_to_compare_with(tmp_path):
    assert history.baseline(tmp_path) is None


def test_on_main_the_commit_before_counts(repository):
    before = repository("rev-parse", "HEAD")
    repository.commit("Second", AFTER)
    assert history.baseline(repository.root) == before


def test_on_a_branch_the_point_where_it_left_main_counts(repository):
    fork = repository("rev-parse", "HEAD")
    repository("checkout", "--quiet", "-b", "change")
    repository.commit("One", AFTER)
    repository.commit("Two", AFTER)
    assert history.baseline(repository.root) == fork


def test_a_release_counts_more_than_the_commits_after_it(repository):
    repository("tag", "v1")
    repository.commit("Second", AFTER)
    repository.commit("Third", AFTER)
    assert history.baseline(repository.root) == "v1"
    assert breaks(history.documents_at(repository.root, "v1"), {"schemas/x.v1.json": AFTER})


def test_a_break_is_accepted_by_a_commit_that_says_why(repository):
    repository("tag", "v1")
    repository.commit("Second", AFTER)
    assert history.accepted_since(repository.root, "v1") == []
    repository.commit("Third\n\nContract-Break: nobody reads it yet", AFTER)
    assert history.accepted_since(repository.root, "v1") == ["nobody reads it yet"]
