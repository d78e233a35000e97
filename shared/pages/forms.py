"""Errors of a form, in the shape of the GOV.UK error summary and error message components."""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError


class FormErrors(Mapping[str, dict[str, str]]):
    """The first error of each field, in the order found; empty, and false, for a valid form.

    `errors.add("postcode", "Enter a full UK postcode")` adds one. A template has `"errorMessage": errors.postcode` (or
    `errors["new-postcode"]`), which is undefined, and so without effect, for a valid field. The layout shows `errors.summary` at the top of
    the page. A field's name must be the id of its input, or of its first radio or check box.
    """

    def __init__(self) -> None:
        self._messages: dict[str, str] = {}

    @classmethod
    def of(cls, failure: ValidationError, messages: Mapping[str, str]) -> "FormErrors":
        """Return the errors of a form's pydantic model; `messages` has a plain instruction for each field."""
        errors = cls()
        for detail in failure.errors(include_url=False, include_input=False):
            field = str(detail["loc"][0]) if detail["loc"] else ""
            errors.add(field, messages.get(field, detail["msg"]))
        return errors

    def add(self, field: str, message: str) -> None:
        """Add an error of `field`, unless it has one."""
        self._messages.setdefault(field, message)

    @property
    def summary(self) -> list[dict[str, str]]:
        """The `errorList` of the error summary, in which each error links to its field."""
        return [{"text": message, "href": f"#{field}"} for field, message in self._messages.items()]

    def __getitem__(self, field: str) -> dict[str, str]:
        return {"text": self._messages[field]}

    def __iter__(self) -> Iterator[str]:
        return iter(self._messages)

    def __len__(self) -> int:
        return len(self._messages)
