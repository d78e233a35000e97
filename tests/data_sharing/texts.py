"""The agreement of most tests: Camden and Hackney on council tax, with different items for each."""

from typing import Any

CAMDEN = "E09000007"
HACKNEY = "E09000012"
ISLINGTON = "E09000019"
COUNCIL_TAX = "council-tax"

ITEMS = {
    "given_name": "Ada",
    "family_name": "Lovelace",
    "email": "ada@example.org",
    "date_of_birth": "1990-12-10",
    "old_address": "1 Test Street, London, NW1 1AA",
    "new_uprn": "100023336956",
    "new_address": "2 Test Road, London, E8 1AA",
    "new_postcode": "E8 1AA",
    "moved_on": "2026-11-01",
}


def text(**over: Any) -> dict[str, Any]:
    """Return an agreement's text in the API's format."""
    return {
        "title": "Council tax when a citizen moves home",
        "parties": [{"borough": CAMDEN}, {"borough": HACKNEY}],
        "purposes": [
            {
                "id": COUNCIL_TAX,
                "aim": "Close the old council tax account and open the new one",
                "lawful_basis": "A6-1-e",
                "legal_power": "Council Tax (Administration and Enforcement) Regulations 1992, regulation 4",
            }
        ],
        "permissions": [
            {
                "recipient": CAMDEN,
                "purpose": COUNCIL_TAX,
                "items": ["given_name", "family_name", "old_address", "new_postcode", "moved_on"],
            },
            {
                "recipient": HACKNEY,
                "purpose": COUNCIL_TAX,
                "items": ["given_name", "family_name", "email", "new_address", "new_uprn", "moved_on"],
            },
        ],
        "review_on": "2027-11-01",
        **over,
    }
