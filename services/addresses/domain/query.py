"""What somebody typed, understood: a postcode or the beginning of one, and the words of an address, the last perhaps unfinished."""

from dataclasses import dataclass
from typing import Self

from .postcode import PartialPostcode, Postcode, unfinished, unfinished_inward, whole_outward
from .text import ABBREVIATIONS, query_tokens

POST_TOWN_TOKEN = "LONDON"  # noqa: S105 (a word of an address)


@dataclass(frozen=True, slots=True)
class Word:
    """A token that a result should hold. `unfinished` words also match what begins with them."""

    text: str
    unfinished: bool = False

    @property
    def whole(self) -> str:
        """The token in full where it is an abbreviation: `RD` is `ROAD`."""
        return ABBREVIATIONS.get(self.text, self.text)

    def matches(self, token: str) -> bool:
        """Whether a token of an address is what was meant."""
        return token == self.whole or (self.unfinished and token.startswith(self.text))


@dataclass(frozen=True, slots=True)
class Query:
    """At most one of `postcode` and `partial` is given; several partial readings are alternatives."""

    words: tuple[Word, ...]
    postcode: Postcode | None = None
    partial: tuple[PartialPostcode, ...] = ()

    @classmethod
    def parse(cls, text: str, outwards: frozenset[str]) -> Self:
        """Understand typed text. `outwards` are the outward codes that exist, by which `NW1` is told from a flat's name."""
        tokens = query_tokens(text)
        postcode, partial, taken = _find_postcode(tokens, outwards)
        words = _words(tokens[: taken.start] + tokens[taken.stop :], open_ended=taken.stop < len(tokens) or not taken)
        return cls(words, postcode, partial)

    @property
    def is_empty(self) -> bool:
        """Nothing to look for."""
        return not (self.words or self.postcode or self.partial)


def _words(tokens: list[str], *, open_ended: bool) -> tuple[Word, ...]:
    """Words to look for, each once. The post town is in every address, so it narrows nothing. The last is unfinished if typing goes on."""
    last = len(tokens) - 1
    words = (Word(token, unfinished=open_ended and at == last) for at, token in enumerate(tokens) if token != POST_TOWN_TOKEN)
    return tuple(dict.fromkeys(words))


def _find_postcode(tokens: list[str], outwards: frozenset[str]) -> tuple[Postcode | None, tuple[PartialPostcode, ...], range]:
    """The postcode in the text, whole or begun, and which tokens it takes up."""
    for end in range(len(tokens), 0, -1):
        for start in range(end - 1, max(end - 3, -1), -1):
            found = Postcode.parse("".join(tokens[start:end]))
            if found and tokens[start] in (str(found).replace(" ", ""), found.outward):
                return found, (), range(start, end)
    return None, *_find_partial(tokens, outwards)


def _find_partial(tokens: list[str], outwards: frozenset[str]) -> tuple[tuple[PartialPostcode, ...], range]:
    """A postcode being typed at the end, or else a district named anywhere."""
    count = len(tokens)
    if count > 1 and (readings := unfinished_inward(tokens[-2], tokens[-1], outwards)):
        return readings, range(count - 2, count)
    if tokens and any(character.isdigit() for character in tokens[-1]) and (readings := unfinished(tokens[-1], outwards)):
        return readings, range(count - 1, count)
    for at in range(count - 2, -1, -1):
        if readings := whole_outward(tokens[at], outwards):
            return readings, range(at, at + 1)
    return (), range(0)
