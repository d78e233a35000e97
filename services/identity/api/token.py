"""The token endpoint (RFC 6749 section 3.2, OpenID Connect Core section 3.1.3)."""

from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from services.identity.domain.clients import Client
from services.identity.domain.errors import OAuthError
from services.identity.domain.grants import check_redemption
from services.identity.domain.parameters import Parameters
from services.identity.domain.scopes import Access, for_machine
from services.identity.domain.sign_in import network_of
from services.identity.domain.tokens import Issue, access_token_claims, id_token_claims
from services.identity.provider import Provider
from services.identity.settings import Settings
from services.identity.store import Store
from shared import security
from shared.clock import now
from shared.events import new_id
from shared.http import Problem, Router, provided
from shared.limits import COLLECTION, Quota

from .client_authentication import ClientAuthentication
from .dependencies import Op
from .oauth import BODY_LIMIT, NO_STORE, failure_as_oauth, form_body, form_parameters, refusal

router = Router(tags=["OpenID Connect"], errors=failure_as_oauth, body_limit=BODY_LIMIT)

FORM = form_body(
    "grant_type",
    scope="for client_credentials: scopes of one block; all that the client has when absent",
    resource="the one block that the token is for, as urn:london-blocks:<block> (RFC 8707)",
    code="for authorization_code",
    redirect_uri="for authorization_code: the one of the authorization request",
    code_verifier="for authorization_code with PKCE (RFC 7636)",
    client_id="unless in the Authorization header",
    client_secret="for client_secret_post",  # noqa: S106 (what the field means)
    client_assertion_type="for private_key_jwt",
    client_assertion="for private_key_jwt (RFC 7523)",
)


class Tokens(BaseModel):
    """A successful response (RFC 6749, section 5.1)."""

    access_token: str = Field(description="A JWT for one block (RFC 9068).")
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds.")
    scope: str
    id_token: str = Field("", description="For authorization_code: who signed in (OpenID Connect Core, section 2).")


class TokenQuotas:
    """Quotas of the token endpoint: requests of a client, and failures of a network."""

    def __init__(self, settings: Settings, store: Store) -> None:
        rows = store.collection(COLLECTION)
        self.clients = Quota("tokens", settings.tokens_per_client, rows=rows)
        self.failures = Quota("failures", settings.token_failures_per_network, rows=rows)


@router.post("/token", responses={200: {"model": Tokens}}, openapi_extra={**FORM, "security": [{"clientSecretBasic": []}, {}]})
async def token(request: Request, op: Op, quotas: Annotated[TokenQuotas, Depends(provided(TokenQuotas))]) -> Response:
    """Give a client an access token for itself, or exchange an authorization code for the tokens of a person's sign-in.

    Failures count for the network, not for the client, so that nobody can use up another client's quota.
    """
    network = op.vault.digest("limit", network_of(request.client.host) if request.client else "unknown")
    await quotas.failures.require_room(network)
    try:
        parameters = await form_parameters(request)
        parameters.require_single()
        client = await ClientAuthentication(op).client(request.headers.get("authorization"), parameters)
        await quotas.clients.take(client.client_id)
        answer = await TokenIssuer(op).answer(client, parameters)
    except OAuthError as error:
        if error.code == "invalid_grant":
            security.record(security.Event.GRANT_REFUSED, "code")
        with suppress(Problem):
            await quotas.failures.take(network)
        return refusal(error)
    return JSONResponse(answer, headers=NO_STORE)


class TokenIssuer:
    """Issues the tokens of the token endpoint."""

    def __init__(self, op: Provider) -> None:
        self._op = op

    async def answer(self, client: Client, parameters: Parameters) -> dict[str, Any]:
        """Return the answer to an authenticated client's grant."""
        match parameters.get("grant_type"):
            case "client_credentials":
                return self._for_machine(_allowed(client, "client_credentials"), parameters)
            case "authorization_code":
                return await self._for_code(_allowed(client, "authorization_code"), parameters)
            case None:
                raise OAuthError("invalid_request", "grant_type is missing")
            case _:
                raise OAuthError("unsupported_grant_type", "The grant types are authorization_code and client_credentials")

    def _for_machine(self, client: Client, parameters: Parameters) -> dict[str, Any]:
        """Grant client credentials (RFC 6749 section 4.4): the client itself is the subject."""
        access = for_machine(parameters.get("scope"), client.scopes, parameters.all("resource"))
        return self._with_access_token(Issue(self._op.issuer, client.client_id, client, now()), access, new_id())

    async def _for_code(self, client: Client, parameters: Parameters) -> dict[str, Any]:
        """Exchange a code. Refuses a code used before, and ends the token that it gave (RFC 6749 section 4.1.2)."""
        code = parameters.get("code")
        if code is None:
            raise OAuthError("invalid_request", "code is missing")
        op, at, token_id = self._op, now(), new_id()
        digest = op.vault.digest("code", code)
        grant = await op.store.grants.redeem(digest, client_id=client.client_id, token_id=token_id, at=at)
        if grant is None:
            reused = await op.store.grants.end_reused(digest, client_id=client.client_id, at=at)
            if reused is not None and reused.token_id is not None:
                await op.store.ended.add(reused.token_id, at)
            raise OAuthError("invalid_grant", "The code is unknown, was used before, or belongs to another client")
        check_redemption(
            grant,
            redirect_uri=parameters.get("redirect_uri"),
            verifier=parameters.get("code_verifier"),
            resources=parameters.all("resource"),
            at=at,
        )
        account = await op.store.accounts.get(grant.account)
        if account is None:
            raise OAuthError("invalid_grant", "The account no longer exists")
        issue = Issue(op.issuer, op.subject(account.id, client), client, at)
        answer = self._with_access_token(issue, grant.access, token_id, grant.session.id)
        claims = id_token_claims(issue, grant, op.open_person(account), answer["access_token"])
        return {**answer, "id_token": op.keys.sign(claims, "JWT")}

    def _with_access_token(self, issue: Issue, access: Access, token_id: str, session: str | None = None) -> dict[str, Any]:
        claims = access_token_claims(issue, access, token_id, session)
        return {
            "access_token": self._op.keys.sign(claims, "at+jwt"),
            "token_type": "Bearer",
            "expires_in": claims["exp"] - claims["iat"],
            "scope": claims["scope"],
        }


def _allowed(client: Client, grant_type: str) -> Client:
    if grant_type not in client.grant_types:
        raise OAuthError("unauthorized_client", "This client is not registered for the grant type")
    return client
