"""The peer of `bench api`: a bare FastAPI app that runs the same SQL for the same request, in a process of its own.

It validates with pydantic, looks the key up, opens the tenant's scope, asks for the earlier request, opens the accounts
and writes the batch with our own statement. It has no errors of its own, no gates, no fingerprints, no usage log and no
idempotent replay. Never imported by the house: `bench api` starts it under uvicorn.
"""

import hashlib
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Header, HTTPException
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel, Field

import pilothouse
from pilothouse.kernel.base.ids import new_id, new_ids

ROOMS = Path(pilothouse.__file__).parent
COST = 10


class Params(BaseModel):
    """What a video shows."""

    prompt: str = Field(min_length=1, max_length=4_000)
    aspect: str = "9:16"
    seconds: int = Field(default=4, ge=1, le=12)


class Item(BaseModel):
    """One video and the customer's own data."""

    params: Params
    metadata: dict[str, Any] = {}


class NewBatch(BaseModel):
    """The request's body."""

    request_id: str = Field(min_length=1, max_length=255)
    webhook_url: str | None = None
    items: list[Item] = Field(min_length=1, max_length=10_000)


def statement(room: str, name: str) -> str:
    """The text of one of our statements."""
    return (ROOMS / room / "sql" / f"{name}.sql").read_text(encoding="utf-8")


AUTH_KEY = statement("kernel/access", "auth_key")
OPEN_ACCOUNTS = statement("kernel/ledger", "open_accounts")
BATCH_OF_REQUEST = "SELECT public_id FROM batch WHERE tenant = %(tenant)s AND request_id = %(request_id)s"
CREATE_BATCH = statement("programs/video", "create_batch")
SCOPE = "SELECT set_config('role', 'ph_app', true), set_config('app.tenant', %s, true)"


def create_params(body: NewBatch, tenant: int, accounts: list[int]) -> dict[str, Any]:
    """The parameters of our create statement."""
    given = body.model_dump_json()
    digest = hashlib.sha256(given.encode()).hexdigest()
    params = [item.params.model_dump_json() for item in body.items]
    return {
        "tenant": tenant, "public_id": new_id("bat"), "kind": "enterprise", "mode": "live",
        "request_id": body.request_id, "request_hash": digest, "given": given, "given_sha256": digest, "entry": "api",
        "actor": "bare", "unit": "CREDIT", "cost": COST, "terms_hash": "", "fingerprint": "", "versions": "{}",
        "webhook_url": body.webhook_url, "total": len(body.items), "wallet": accounts[0], "held": accounts[1],
        "earned": accounts[2], "deadline_s": 86_400, "item_ids": new_ids("itm", len(body.items)), "params": params,
        "metadata": [json.dumps(item.metadata) for item in body.items], "images": [None] * len(params),
        "image_hashes": [None] * len(params), "fingerprints": [""] * len(params),
    }  # fmt: skip


@asynccontextmanager
async def lifespan(running: FastAPI) -> AsyncIterator[None]:
    """One pool for the process."""
    async with AsyncConnectionPool(
        os.environ["BARE_DATABASE_URL"], max_size=8, open=False, kwargs={"row_factory": dict_row}
    ) as pool:
        running.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/v1/batches", status_code=201)
async def post_batch(body: NewBatch, authorization: str = Header()) -> dict[str, Any]:
    """Create a batch."""
    digest = hashlib.sha256(authorization.removeprefix("Bearer ").encode()).hexdigest()
    async with app.state.pool.connection() as connection:
        key = await (await connection.execute(AUTH_KEY, {"hash": digest})).fetchone()
        await connection.commit()
        if key is None:
            raise HTTPException(401)
        tenant = key["tenant"]
        await connection.execute(SCOPE, [str(tenant)])
        given = {"tenant": tenant, "request_id": body.request_id}
        if await (await connection.execute(BATCH_OF_REQUEST, given)).fetchone():
            raise HTTPException(409)
        wanted = {
            "tenant": tenant, "kinds": ["wallet", "held", "credits_earned"], "refs": ["", "", ""],
            "units": ["CREDIT"] * 3,
        }  # fmt: skip
        accounts: list[Any] = [None]
        while None in accounts:  # a twin opened one between its look and its insert
            accounts = [found["id"] async for found in await connection.execute(OPEN_ACCOUNTS, wanted)]
        params = create_params(body, tenant, accounts)
        await connection.execute(CREATE_BATCH, params)
    return {"ok": True, "batch_id": params["public_id"], "status": "pending"}
