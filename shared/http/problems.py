"""The catalogue of problem types (RFC 9457, section 3.1.1): title, explanation, and remedy for a client's developer.

A type's URI is `<public URL of the service>/problems/<name>`, where `shared.http.reference` serves its page.
"""

from collections.abc import Mapping
from typing import NamedTuple

PATH = "/problems"


class ProblemType(NamedTuple):
    """One kind of failure, in words."""

    title: str
    happened: str
    remedy: str


_AGREEMENT_REMEDY = "Read the agreement (`GET /v1/agreements/{ref}`). Ask the parties to change it; repeating the request does not help."
CATALOGUE: Mapping[str, ProblemType] = {
    "agreement-not-active": ProblemType(
        "The agreement is not active",
        "The agreement is a draft, awaits a signature, is suspended or has ended, so no data moves under it. The refusal is on record.",
        "Read the agreement's `status`. Share again once every party has signed it and none suspends it.",
    ),
    "another-borough": ProblemType(
        "The service works for another borough",
        "The access token belongs to a borough that this application does not serve.",
        "Call your own borough's instance, or ask for a token of a client of this borough.",
    ),
    "another-subject": ProblemType(
        "The token is another person's",
        "A citizen's access token names one person, and the request speaks of another.",
        "Leave `subject` out, or call with a token that the client got for itself.",
    ),
    "another-text": ProblemType(
        "The signature is over another text",
        "`text_sha256` is not the hash of the agreement's text as it stands, so the officer read something else.",
        "Read `GET /v1/agreements/{ref}/text` again, and sign the SHA-256 of its bytes.",
    ),
    "body-too-large": ProblemType(
        "The body is too large",
        "The request's body has more bytes than this operation reads. Nothing was done.",
        "Send less in one request. The problem's `detail` gives the limit in bytes.",
    ),
    "busy": ProblemType(
        "Too many large requests are under way",
        "The service works on as many large bodies as its memory is made for. Nothing was done.",
        "Send the same request again after the seconds in `Retry-After`.",
    ),
    "changed-meanwhile": ProblemType(
        "The resource changed after you read it",
        "`If-Match` names a revision that is no longer the current one.",
        "Read the resource again, decide on what it says now, and send its new `ETag`.",
    ),
    "conflict": ProblemType(
        "Others change the same thing at this moment",
        "The service tried several times, and each time another request changed the same rows first. Nothing was done.",
        "Send the same request again after the seconds in `Retry-After`.",
    ),
    "idempotency-in-flight": ProblemType(
        "The first request with this key is under way",
        "A request with the same `Idempotency-Key` has not been answered yet.",
        "Repeat the request after the seconds in `Retry-After`; you then get the first one's reply.",
    ),
    "idempotency-key-reused": ProblemType(
        "The Idempotency-Key belongs to another request",
        "You used this `Idempotency-Key` before, with another body or query.",
        "Use a new key, such as a UUID, for each thing that is to be done once.",
    ),
    "incomplete": ProblemType(
        "The body is incomplete",
        "The connection ended before the whole body had come. Nothing was done.",
        "Send the request again.",
    ),
    "insufficient-scope": ProblemType(
        "The access token lacks a scope",
        "The token is valid, and it does not carry the scope that this operation needs.",
        "Ask the token endpoint for the scope that `WWW-Authenticate` names. Identity refuses it unless your client is registered for it.",
    ),
    "invalid-input": ProblemType(
        "The input is invalid",
        "A parameter, a header or a field of the body is missing or is not of the documented form. Nothing was done.",
        "Correct what `errors` lists: `field` says where, `message` says what was expected.",
    ),
    "loopback-only": ProblemType(
        "The page is for this machine only",
        "Captured messages are shown to clients on the loopback address, and to none that a proxy forwards.",
        "Call the portal from the machine that it runs on.",
    ),
    "no-agreement": ProblemType(
        "No agreement covers the share",
        "No agreement of your borough lets this data go to the recipient for this purpose. The refusal is on record.",
        "Draft an agreement with the recipient, and share once every party has signed it.",
    ),
    "no-borough": ProblemType(
        "The token belongs to no borough",
        "The operation acts for a borough, and the access token names none.",
        "Use a client that identity registered for a borough.",
    ),
    "no-item-allowed": ProblemType(
        "The agreement opens none of these items",
        "The agreement covers the purpose and the recipient, but none of the items that were sent. The refusal is on record.",
        _AGREEMENT_REMEDY,
    ),
    "not-a-party": ProblemType(
        "Your borough is not a party",
        "A borough drafts agreements to which it is a party itself.",
        "Add your borough to `parties`.",
    ),
    "not-done": ProblemType(
        "The job is not done",
        "The result exists once every row is matched.",
        "Ask for the job until its `state` is `done`, then for its result.",
    ),
    "not-found": ProblemType(
        "There is no such thing",
        "Nothing of this id exists for your borough. What belongs to other boroughs is answered in the same way.",
        "Check the id, and that the token is your borough's.",
    ),
    "not-possible": ProblemType(
        "The step is not possible now",
        "The resource's status does not allow this step.",
        "Read the resource; its status says which steps are left.",
    ),
    "not-sealed-yet": ProblemType(
        "The line has no place in the tree yet",
        "An entry of the record gets its place in the Merkle tree within about a second.",
        "Ask again after the seconds in `Retry-After`.",
    ),
    "not-signed-in": ProblemType(
        "Nobody is signed in",
        "The operation needs the session of a person who signed in with a browser.",
        "Sign in, then repeat the request.",
    ),
    "not-yours": ProblemType(
        "Another borough decides",
        "The borough that the place lies in decides about it; yours may read it.",
        "Leave the decision to that borough.",
    ),
    "purpose-not-covered": ProblemType(
        "The agreement does not cover the purpose",
        "The agreement's text gives the recipient nothing for this purpose. The refusal is on record.",
        _AGREEMENT_REMEDY,
    ),
    "recipient-not-a-party": ProblemType(
        "The recipient is not a party",
        "The recipient has not signed this agreement, so it gets no data under it. The refusal is on record.",
        _AGREEMENT_REMEDY,
    ),
    "reference-reused": ProblemType(
        "The reference belongs to another share",
        "Your client used this `reference` for the same recipient and purpose before, with other content.",
        "Use a new reference for each share.",
    ),
    "suspended-by-another-party": ProblemType(
        "Another party suspended the agreement",
        "Only the party that suspended an agreement can resume it.",
        "Ask that party; `suspended_by` names it.",
    ),
    "too-many-jobs": ProblemType(
        "Too many jobs are open",
        "Your borough has as many jobs that wait or run as it may have.",
        "Wait until one is done, or delete one.",
    ),
    "too-many-requests": ProblemType(
        "Too many requests",
        "The caller asked more often than it may.",
        "Wait for the seconds in `Retry-After`, and spread requests over time.",
    ),
    "too-many-values": ProblemType(
        "The body holds too many values",
        "The JSON body has more keys and values than this operation reads. Nothing was done.",
        "Send less in one request. The problem's `detail` gives the limit.",
    ),
    "too-slow": ProblemType(
        "The body took too long",
        "The body did not arrive within the time that the service waits for it.",
        "Send it again over a faster connection, or in smaller parts.",
    ),
    "unauthorized": ProblemType(
        "A valid access token is needed",
        "The request has no access token, or one that is malformed, expired, or meant for another service.",
        "Get a token for this service from identity's token endpoint, and send it as `Authorization: Bearer ...`.",
    ),
    "unavailable": ProblemType(
        "The service cannot answer at the moment",
        "The service cannot reach its database, or another service that it needs. Nothing that was accepted before is lost.",
        "Send the same request again after the seconds in `Retry-After`.",
    ),
    "unsupported-media-type": ProblemType(
        "The body has another media type",
        "`Content-Type` is none of those that this operation reads.",
        "Send the body as the API reference says; JSON as `application/json`.",
    ),
    "withdrawn": ProblemType(
        "The address was withdrawn",
        "The borough no longer waits for this provisional address; what was typed is erased.",
        "Send the address anew if it is needed again.",
    ),
    "wrong-status": ProblemType(
        "The status does not allow the step",
        "The agreement's status does not allow this step; `detail` names the status that it needs.",
        "Read the agreement, and take the step that its status allows.",
    ),
}
