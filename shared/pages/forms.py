"""What is wrong with a form, in the shape of the GOV.UK error summary and error message components."""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError


class FormErrors(Mapping[str, dict[str, str]]):
    """The first error of each field, in the order found; empty (and false) when the form is right.

    `errors.add("postcode", "Enter a full UK postcode")`; in a template `"errorMessage": errors.postcode` (or
    `errors["new-postcode"]`), which is undefined and so without effect where the field is right. The layout shows
    `errors.summary` at the top of the page. A field's name must be the id of its input, or of its first radio or check box.
    """

    def __init__(self) -> None:
        self._messages: dict[str, str] = {}

    @classmethod
    def of(cls, failure: ValidationError, messages: Mapping[str, str]) -> "FormErrors":
        """The errors of a pydantic model of a form; `messages` says in plain words what each field wants."""
        errors = cls()
        for detail in failure.errors(include_url=False, include_input=False):
            field = str(detail["loc"][0]) if detail["loc"] else ""
            errors.add(field, messages.get(field, detail["msg"]))
        return errors

    def add(self, field: str, message: str) -> None:
        """Note that `field` is wrong; a second error of the same field is not shown until the first is mended."""
        self._messages.setdefault(field, message)

    @property
    def summary(self) -> list[dict[str, str]]:
        """The `errorList` of the error summary: each error links to its field."""
        return [{"text": message, "href": f"#{field}"} for field, message in self._messages.items()]

    def __getitem__(self, field: str) -> dict[str, str]:
        return {"text": self._messages[field]}

    def __iter__(self) -> Iterator[str]:
        return iter(self._messages)

    def __len__(self) -> int:
        return len(self._messages)
