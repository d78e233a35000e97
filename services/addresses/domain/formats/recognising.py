"""Which format a file is in, told from how it begins."""

from collections.abc import Sequence

from services.addresses.domain.incoming import Format, PostcodeFormat

NAMES = ("core", "premium", "open-uprn", "onspd", "code-point")
"""As `--format` names them."""
ROWS_ENOUGH = 20
"""As many first rows tell a format; fewer where the file has fewer."""


def refuse_other_files(head: bytes) -> None:
    """Look at the first 1,000 or so bytes of a file. Raises `WrongFileError` that says what it is where it is no UTF-8 CSV: a zip, a web
    page, UTF-16, nothing at all."""
    raise NotImplementedError


def recognise(first_rows: Sequence[Sequence[str]], wanted_name: str | None) -> Format | PostcodeFormat:
    """A new reader for the file that begins with these rows, which are to be read again by it. `isinstance` tells whether it is a
    `Format` (addresses: core, premium, open-uprn) or a `PostcodeFormat` (onspd, code-point).

    Raises `WrongFileError` where the rows are of no known format, of two at once, or of another than the wanted one: it says which.
    Raises ValueError for a name that is not one of `NAMES`.
    """
    raise NotImplementedError
