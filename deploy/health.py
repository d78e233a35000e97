"""`python -m deploy.health URL`: exit 0 when it answers with success within three seconds. For health checks of containers."""

import sys
import urllib.error
import urllib.request


def main(url: str) -> int:
    """Whether `url` answers 2xx, as an exit status."""
    if not url.startswith("http://"):
        raise SystemExit("python -m deploy.health http://...")
    try:
        with urllib.request.urlopen(url, timeout=3):  # noqa: S310 (the scheme was looked at)
            return 0
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) == 2 else ""))
