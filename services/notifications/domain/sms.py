"""Text messages: the GSM 03.38 alphabet, the number of fragments, and the longest text."""

import math
import re
import unicodedata

MAX_CHARACTERS = 918
"""The most characters, not counting the service's name in front."""
MAX_RAW_CHARACTERS = 20_000
"""The most characters before spaces are collapsed; the service refuses a longer text unread."""

_EXTENDED = frozenset("^{}\\[~]|€")
"""Characters of the extension table, which count double (3GPP TS 23.038, 6.2.1.1)."""
_GSM = _EXTENDED | frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_WELSH = frozenset("àèìòùẁỳÀÈÌÒÙẀỲáéíóúẃýÁÉÍÓÚẂÝäëïöüẅÿÄËÏÖÜẄŸâêîôûŵŷÂÊÎÔÛŴŶ")
_UCS2_LETTERS = _WELSH - _GSM
"""Welsh letters that GSM lacks. They stay, and make the whole message UCS-2."""
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


def _nearest_gsm(character: str) -> str:
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
    """Return the text in characters that every handset shows. Quotes, dashes and accented letters become their nearest, the rest `?`."""
    return "".join(map(_nearest_gsm, text))


def collapse_spaces(text: str) -> str:
    """Trim, collapse spaces, remove spaces before commas and full stops, and leave at most one empty line in a row.

    The expression reads a run of spaces from its first space only: from each of them, a long run would cost the square of its length.
    """
    text = re.sub(r"(?<![ \t])[ \t]++([,.])", r"\1", text.replace("\r\n", "\n").replace("\r", "\n"))
    lines = (re.sub(r"[^\S\n]+", " ", line).strip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def with_prefix(text: str, prefix: str | None) -> str:
    """Prefix the service's name, which shows the reader who writes."""
    return f"{prefix.strip()}: {text}" if prefix else text


def fragments(text: str) -> int:
    """Return the number of fragments of a message, which the provider charges: GSM 160 or 153 characters each, UCS-2 70 or 67."""
    if any(character in _UCS2_LETTERS for character in text):
        units = len(text.encode("utf-16-le")) // 2
        return 1 if units <= 70 else math.ceil(units / 67)
    places = len(text) + sum(character in _EXTENDED for character in text)
    return 1 if places <= 160 else math.ceil(places / 153)
