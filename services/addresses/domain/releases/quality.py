"""Whether a release is fit to take the place of the one that is live: each check with its value and its limit.

The limits are judgements, made to catch a supply that is cut short, doubled, of another area or of other coordinates, and to let the
update of a usual quarter pass. One that a real change of London breaks is accepted by name.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from services.addresses.domain.geography.boroughs import BOROUGHS


class CheckName(StrEnum):
    """The checks, as `--accept` names them."""

    PREMISES = "premises"
    BOROUGH_LOSS = "borough-loss"
    RETIRED = "retired"
    GROWTH = "growth"
    COORDINATES = "coordinates"
    DUPLICATES = "duplicates"
    NO_POSTCODE = "no-postcode"
    UNKNOWN_POSTCODE = "unknown-postcode"
    ORPHANS = "orphans"
    ORDER = "order"


COUNTED = frozenset({CheckName.PREMISES, CheckName.ORDER})
"""Checks whose value is a number, not a share."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Most of each that passes, as shares of 1."""

    borough_loss: float = 0.05
    """Of a borough's premises."""
    borough_loss_premises: int = 10
    """Premises, no share: a borough that lost no more is not judged. The supply of one borough holds slivers of its neighbours."""
    retired: float = 0.05
    """Of the premises in use before."""
    growth: float = 0.10
    """More premises in use than before."""
    coordinates: float = 0.001
    """Outside London's bounds."""
    duplicates: float = 0.02
    """With an address that another UPRN has too."""
    no_postcode: float = 0.10
    """AddressBase also holds what no post goes to."""
    unknown_postcode: float = 0.01
    """With a postcode that is neither live nor terminated."""
    orphans: float = 0.001
    """Children whose parent is not held."""


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Facts:
    """What was counted in a release. Premises are UPRNs that are in use, that is, not historical."""

    premises: int
    by_borough: Mapping[str, int]
    """GSS code to premises."""
    misplaced: int
    """At no place or outside London's bounds."""
    addressed: int
    """Premises that are no parent shells: what duplicates are counted among."""
    duplicates: int
    """Of those, premises whose address and postcode another one before them has."""
    no_postcode: int
    unknown_postcode: int
    children: int
    """Premises that say who their parent is."""
    orphans: int
    """Of those, whose parent is not held."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What the release that is live holds, and how much of that is no longer in use."""

    premises: int
    by_borough: Mapping[str, int]
    retired: int
    older: int = 0
    """Records that the release would turn back: by the days in them they are older than those that they take the place of."""
    behind: str = ""
    """Which supply it was made from is older than the one applied before it; empty where none is."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check."""

    name: CheckName
    question: str
    value: float
    """A share; of those that are `COUNTED` a number."""
    limit: float
    passed: bool
    about: str = ""
    """What the value comes from."""
    accepted: bool = False
    """Whether somebody takes responsibility for what did not pass."""


@dataclass(frozen=True, slots=True)
class Borough:
    """What a borough holds, and what it held before: None where there is nothing to compare with."""

    code: str
    name: str
    before: int | None
    now: int


@dataclass(frozen=True, slots=True)
class GateResult:
    """Whether a release may go live."""

    release: str
    before: str
    """The release that is live; empty where there is none that it can be compared with."""
    checks: tuple[Check, ...]
    boroughs: tuple[Borough, ...]

    @property
    def passed(self) -> bool:
        """Whether each check passed or was accepted."""
        return all(each.passed or each.accepted for each in self.checks)

    def as_json(self) -> dict[str, Any]:
        """For tools."""
        return {**asdict(self), "passed": self.passed}


def check(facts: Facts, compared: Compared | None, limits: Limits = LIMITS, accepted: Collection[str] = ()) -> list[Check]:
    """Every check. Without a release to compare with those that compare are left out."""
    found = list(_checks_of_release(facts, limits))
    if compared and compared.premises:
        found += _against(facts, compared, limits)
    order = list(CheckName)
    return sorted((_with(each, accepted) for each in found), key=lambda each: order.index(each.name))


def _with(found: Check, accepted: Collection[str]) -> Check:
    if found.passed or found.name not in accepted:
        return found
    return Check(found.name, found.question, found.value, found.limit, passed=False, about=found.about, accepted=True)


def _checks_of_release(facts: Facts, limits: Limits) -> Iterator[Check]:
    yield Check(CheckName.PREMISES, "Are there premises at all?", facts.premises, 1, facts.premises >= 1)
    yield _share(CheckName.COORDINATES, "How many lie outside London?", facts.misplaced, facts.premises, limits.coordinates)
    yield _share(CheckName.DUPLICATES, "How many have an address that another has?", facts.duplicates, facts.addressed, limits.duplicates)
    yield _share(CheckName.NO_POSTCODE, "How many have no postcode?", facts.no_postcode, facts.premises, limits.no_postcode)
    yield _share(
        CheckName.UNKNOWN_POSTCODE, "How many have a postcode that is not known?", facts.unknown_postcode, facts.premises,
        limits.unknown_postcode,
    )  # fmt: skip
    yield _share(CheckName.ORPHANS, "How many parts have a parent that is not held?", facts.orphans, facts.children, limits.orphans)


def _against(facts: Facts, compared: Compared, limits: Limits) -> Iterator[Check]:
    lost = {code: count - facts.by_borough.get(code, 0) for code, count in compared.by_borough.items()}
    losses = {code: lost[code] / count for code, count in compared.by_borough.items() if lost[code] > limits.borough_loss_premises}
    worst = max(losses, key=lambda code: losses[code], default="")
    loss = losses.get(worst, 0.0)
    name = BOROUGHS[worst].name if worst in BOROUGHS else worst
    about = f"no borough lost more than {limits.borough_loss_premises}"
    if worst:
        about = f"{name}: {compared.by_borough[worst]:,} before, {facts.by_borough.get(worst, 0):,} now"
    yield Check(
        CheckName.BOROUGH_LOSS,
        "How much did the borough lose that lost most?",
        loss,
        limits.borough_loss,
        loss <= limits.borough_loss,
        about,
    )
    yield _share(CheckName.RETIRED, "How many are no longer in use?", compared.retired, compared.premises, limits.retired)
    growth = max(facts.premises / compared.premises - 1, 0.0)
    about = f"{compared.premises:,} before, {facts.premises:,} now"
    yield Check(CheckName.GROWTH, "How many more are there?", growth, limits.growth, growth <= limits.growth, about)
    yield _order(compared)


def _order(compared: Compared) -> Check:
    """Not by a share: one record that is turned back is a value that nobody knows to be past."""
    rows = f"records that are older than what they replace: {compared.older:,}" if compared.older else ""
    about = "; ".join(filter(None, (compared.behind, rows))) or "nothing is older than what it replaces"
    value = compared.older + bool(compared.behind)
    return Check(CheckName.ORDER, "Is it older than what is live?", value, 0, value == 0, about)


def _share(name: CheckName, question: str, part: int, whole: int, limit: float) -> Check:
    share = part / whole if whole else 0.0
    return Check(name, question, share, limit, share <= limit, f"{part:,} of {whole:,}")
