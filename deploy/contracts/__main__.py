"""`python -m deploy.contracts write` and `check`."""

import argparse
import sys
from pathlib import Path

from . import events, history, http
from .breaks import breaks
from .documents import Documents, drift, write

REPOSITORY = Path(__file__).parents[2]
CONTRACTS = REPOSITORY / "contracts"


def main() -> int:
    """Returns the exit status: 1 if the committed contracts differ from the code, or break a consumer."""
    parser = argparse.ArgumentParser(prog="python -m deploy.contracts", description=__doc__)
    parser.add_argument("action", choices=["write", "check"])
    parser.add_argument(
        "--against", metavar="REVISION", help="compare with this revision (default: the last tag, or where the branch left main)"
    )
    arguments = parser.parse_args()
    documents = http.openapi() | events.schemas() | events.asyncapi()
    if arguments.action == "write":
        for path in write(documents, CONTRACTS):
            print(f"contracts/{path}")
        return 0
    differences = drift(documents, CONTRACTS)
    for difference in differences:
        print(difference, file=sys.stderr)
    if differences:
        print(
            f"{len(differences)} committed contracts differ from the code: run `make contracts` and commit what it writes.", file=sys.stderr
        )
    else:
        print(f"{len(documents)} contracts agree with the code.")
    return 1 if _breaks(documents, arguments.against) or differences else 0


def _breaks(documents: Documents, revision: str | None) -> bool:
    """Prints the breaking changes. Returns whether they must stop the change."""
    revision = revision or history.baseline(REPOSITORY)
    if revision is None:
        print("There is no earlier revision to compare the contracts with.")
        return False
    found = breaks(history.documents_at(REPOSITORY, revision), documents)
    for one in found:
        print(one, file=sys.stderr)
    if not found:
        print(f"Nothing breaks a consumer of the contracts at {revision}.")
        return False
    if reasons := history.accepted_since(REPOSITORY, revision):
        print("Accepted: " + "; ".join(reasons))
        return False
    print(
        f"A consumer of the contracts at {revision} would break: CONTRIBUTING.md says what to do instead.",
        file=sys.stderr,
    )
    return True


if __name__ == "__main__":
    sys.exit(main())
