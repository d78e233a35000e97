"""Health check of containers: `python -m deploy.health URL` exits 0 when the URL answers 2xx within three seconds."""

import sys
import urllib.error
import urllib.request


def main(url: str) -> int:
    """Return 0 where `url` answers 2xx, 1 where it does not. Raises SystemExit for a URL that is not http."""
    if not url.startswith("http://"):
        raise SystemExit("python -m deploy.health http://...")
    try:
        with urllib.request.urlopen(url, timeout=3):  # noqa: S310 (the check above allows http only)
            return 0
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) == 2 else ""))
