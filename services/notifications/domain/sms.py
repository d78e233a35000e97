"""Text messages: the GSM 03.38 alphabet, how many parts a text takes, and how long it may be."""

import math
import re
import unicodedata

MAX_CHARACTERS = 918
"""Without the service's name in front."""
MAX_RAW_CHARACTERS = 20_000
"""Before spaces are taken together; a longer text is refused unread."""

_EXTENDED = frozenset("^{}\\[~]|€")
"""Characters of the extension table: they take two places (3GPP TS 23.038, 6.2.1.1)."""
_GSM = _EXTENDED | frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_WELSH = frozenset("àèìòùẁỳÀÈÌÒÙẀỲáéíóúẃýÁÉÍÓÚẂÝäëïöüẅÿÄËÏÖÜẄŸâêîôûŵŷÂÊÎÔÛŴŶ")
_UCS2_LETTERS = _WELSH - _GSM
"""Welsh letters that GSM lacks. They are kept, and make the whole message UCS-2."""
_NEAREST = {
    **dict.fromkeys("\u2010\u2011\u2012–—−", "-"),
    **dict.fromkeys("‘’‚′", "'"),
    **dict.fromkeys("“”„″", '"'),
    **dict.fromkeys("\u180e\u200b\u200c\u200d\u2060\ufeff\u2028\u2029", ""),
    **dict.fromkeys("\u00a0\u202f\t", " "),
    "…": "...",
    "Ł": "L",
    "ł": "l",
}


def _down(character: str) -> str:
    if character in _GSM or character in _UCS2_LETTERS:
        return character
    if character in _NEAREST:
        return _NEAREST[character]
    decomposed = unicodedata.decomposition(character)
    if decomposed and not decomposed.startswith("<"):
        base = chr(int(decomposed.split()[0], 16))
        if base in _GSM:
            return base
    return "?"


def to_gsm(text: str) -> str:
    """The text in characters that every handset shows: quotes, dashes and accents go to their nearest, the rest to `?`."""
    return "".join(map(_down, text))


def tidy(text: str) -> str:
    """Trim, take spaces together, no space before a comma or full stop, at most one empty line at a time.

    A run of spaces is looked at from its first space only: from each of them, a long run would cost the square of its length.
    """
    text = re.sub(r"(?<![ \t])[ \t]++([,.])", r"\1", text.replace("\r\n", "\n").replace("\r", "\n"))
    lines = (re.sub(r"[^\S\n]+", " ", line).strip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def with_prefix(text: str, prefix: str | None) -> str:
    """The service's name in front, so that the reader knows who writes."""
    return f"{prefix.strip()}: {text}" if prefix else text


def fragments(text: str) -> int:
    """The parts that the message is sent and charged as: GSM 160 or 153 characters each, UCS-2 70 or 67."""
    if any(character in _UCS2_LETTERS for character in text):
        units = len(text.encode("utf-16-le")) // 2
        return 1 if units <= 70 else math.ceil(units / 67)
    places = len(text) + sum(character in _EXTENDED for character in text)
    return 1 if places <= 160 else math.ceil(places / 153)
