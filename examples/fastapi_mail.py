"""
A FastAPI application that receives and sends mail, in the loop of uvicorn.

    uvicorn fastapi_mail:app --port 8000

    curl -d '{"to": "you@example.org", "subject": "Hello", "text": "Hello."}' \\
        -H 'Content-Type: application/json' localhost:8000/messages
    curl localhost:8000/messages

The mail server listens on port 2525, and accepts mail for example.org.  RELAY names the server that sent mail goes to,
which is this mail server by default.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel

from txsmtpx import DataContext, DeliveryError, Message, OpenBackend, RcptOptions, Session, SMTPError, SMTPPool
from txsmtpx.aio import Pool, serve
from txsmtpx.content.email_message import email_message

DOMAIN = "example.org"
PORT = int(os.environ.get("PORT", "2525"))
RELAY = os.environ.get("RELAY", f"tcp:127.0.0.1:{PORT}")


class Mail(BaseModel):
    """A message, as the application shows it and takes it."""

    to: str
    subject: str
    text: str


class Mailbox:
    """The mail that was received.  A real application has a database, whose driver for asyncio it awaits."""

    def __init__(self) -> None:
        self.messages: list[Mail] = []

    async def store(self, mail: Mail) -> None:
        self.messages.append(mail)


class Incoming(Session):
    """One connection of a mail client."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox

    async def rcpt(self, recipient: str, options: RcptOptions) -> None:
        if not recipient.endswith(f"@{DOMAIN}"):
            raise SMTPError(550, (5, 7, 1), "Not relaying to that domain")

    async def data(self, message: Message, context: DataContext) -> None:
        parsed = email_message(await message.content())
        body = parsed.get_body(("plain",))
        text = "" if body is None else body.get_content()
        for recipient in context.recipients:
            await self.mailbox.store(Mail(to=recipient, subject=parsed["Subject"] or "", text=text.strip()))


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, object]]:
    """Serve mail as long as the application runs; at its end, open transactions may finish."""
    mailbox = Mailbox()
    pool = Pool(SMTPPool(RELAY, size=5, tls="none"))
    async with serve(OpenBackend(lambda connection: Incoming(mailbox)), port=PORT), pool:
        yield {"mailbox": mailbox, "pool": pool}


app = FastAPI(lifespan=lifespan)


def the_mailbox(request: Request) -> Mailbox:
    return request.state.mailbox


def the_pool(request: Request) -> Pool:
    return request.state.pool


@app.get("/messages")
async def messages(mailbox: Annotated[Mailbox, Depends(the_mailbox)]) -> list[Mail]:
    return mailbox.messages


@app.post("/messages", status_code=202)
async def send(mail: Mail, pool: Annotated[Pool, Depends(the_pool)]) -> dict[str, int]:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = f"app@{DOMAIN}", mail.to, mail.subject
    message.set_content(mail.text)
    try:
        result = await pool.send(f"app@{DOMAIN}", [mail.to], message)
    except DeliveryError as error:
        raise HTTPException(503 if error.temporary else 422, str(error)) from error
    return {"accepted": len(result.accepted)}
