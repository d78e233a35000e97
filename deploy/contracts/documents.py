"""Writes the generated documents as files, and compares them with the committed ones."""

import difflib
import json
from pathlib import Path
from typing import Any

Documents = dict[str, dict[str, Any]]
"""Documents by their path below `contracts/`."""

FOLDERS = ("asyncapi", "openapi", "schemas")


def text(document: dict[str, Any]) -> str:
    """Serialise a document as it is committed: JSON with an indent of two and a final newline."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def write(documents: Documents, root: Path) -> list[str]:
    """Write the documents under `root` and delete other files of their folders; return the changed paths."""
    changed = []
    for path in _present(root) - documents.keys():
        (root / path).unlink()
        changed.append(path)
    for path, document in documents.items():
        file = root / path
        if not file.exists() or file.read_text("utf-8") != text(document):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text(document), "utf-8")
            changed.append(path)
    return sorted(changed)


def drift(documents: Documents, root: Path) -> list[str]:
    """Return one unified diff for each file under `root` that differs from `documents`."""
    found = []
    for path in sorted(_present(root) | documents.keys()):
        committed = (root / path).read_text("utf-8") if (root / path).exists() else ""
        generated = text(documents[path]) if path in documents else ""
        if committed != generated:
            lines = difflib.unified_diff(
                committed.splitlines(), generated.splitlines(), f"committed {path}", f"from the code {path}", n=2, lineterm=""
            )
            found.append("\n".join(lines))
    return found


def _present(root: Path) -> set[str]:
    return {file.relative_to(root).as_posix() for folder in FOLDERS for file in (root / folder).glob("*.json")}
