"""Quality checks of a release before it goes live, each with its value and its limit.

The limits are judgements. They catch a supply that is cut short, doubled, of another area or in other coordinates, and pass a usual
quarterly update. If a real change of London exceeds a limit, an operator accepts that check by name.
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
"""Checks whose value is a count, not a share."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Highest values that pass, as shares from 0 to 1 unless stated."""

    borough_loss: float = 0.05
    """Share of a borough's premises that it loses."""
    borough_loss_premises: int = 10
    """Number of premises up to which the check ignores a borough's loss: one borough's supply includes slivers of its neighbours."""
    retired: float = 0.05
    """Share of the premises in use before that are retired."""
    growth: float = 0.10
    """Additional premises in use, as a share of those before."""
    coordinates: float = 0.001
    """Share of premises outside London's bounds."""
    duplicates: float = 0.02
    """Share of premises with the same address as another UPRN."""
    no_postcode: float = 0.10
    """Share of premises without a postcode: AddressBase also holds objects without post."""
    unknown_postcode: float = 0.01
    """Share of premises with a postcode that is neither live nor terminated."""
    orphans: float = 0.001
    """Share of children whose parent the release lacks."""


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Facts:
    """Counts of a release. Premises are UPRNs in use, that is, not historical."""

    premises: int
    by_borough: Mapping[str, int]
    """GSS code to premises."""
    misplaced: int
    """Premises without a position or outside London's bounds."""
    addressed: int
    """Premises that are no parent shells; the share of duplicates refers to them."""
    duplicates: int
    """Addressed premises that repeat the address and postcode of an earlier one."""
    no_postcode: int
    unknown_postcode: int
    children: int
    """Premises that name a parent UPRN."""
    orphans: int
    """Children whose parent the release lacks."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Counts of the live release, and how the candidate differs from it."""

    premises: int
    by_borough: Mapping[str, int]
    retired: int
    older: int = 0
    """Records that are older, by their LAST_UPDATE_DATE, than those that they replace."""
    behind: str = ""
    """Description of a supply that is older than the one applied before it; empty if there is none."""


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check."""

    name: CheckName
    question: str
    value: float
    """A share from 0 to 1; a count for the checks in `COUNTED`."""
    limit: float
    passed: bool
    about: str = ""
    """The numbers behind the value."""
    accepted: bool = False
    """Whether an operator accepts the failure."""


@dataclass(frozen=True, slots=True)
class Borough:
    """Premises of a borough now and before; `before` is None if there is no release to compare with."""

    code: str
    name: str
    before: int | None
    now: int


@dataclass(frozen=True, slots=True)
class GateResult:
    """The outcome of all checks of a release."""

    release: str
    before: str
    """The live release; empty if there is none to compare with."""
    checks: tuple[Check, ...]
    boroughs: tuple[Borough, ...]

    @property
    def passed(self) -> bool:
        """Whether each check passed or an operator accepted its failure."""
        return all(each.passed or each.accepted for each in self.checks)

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as data for JSON."""
        return {**asdict(self), "passed": self.passed}


def check(facts: Facts, compared: Compared | None, limits: Limits = LIMITS, accepted: Collection[str] = ()) -> list[Check]:
    """Run every check, in the order of `CheckName`. Without a release to compare with, omit the checks that compare."""
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
    """Fail on a single older record, because it would restore outdated values unnoticed."""
    rows = f"records that are older than what they replace: {compared.older:,}" if compared.older else ""
    about = "; ".join(filter(None, (compared.behind, rows))) or "nothing is older than what it replaces"
    value = compared.older + bool(compared.behind)
    return Check(CheckName.ORDER, "Is it older than what is live?", value, 0, value == 0, about)


def _share(name: CheckName, question: str, part: int, whole: int, limit: float) -> Check:
    share = part / whole if whole else 0.0
    return Check(name, question, share, limit, share <= limit, f"{part:,} of {whole:,}")
