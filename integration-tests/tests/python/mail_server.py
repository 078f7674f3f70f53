"""A real mail server that does as the recipient's name says.

later@    450 to RCPT, as when the box is full for now
nobody@   550 to RCPT, as when there is no such box
barred@   550 5.7.1 to RCPT, as when the sender may not write to it
spam@     554 to the mail
drop@     keeps the mail and closes the connection before it says so, the first time

Others get their mail: a file N.eml as it came, and N.json as Python's email package reads it.
Prints "listening on HOST:PORT". Usage: mail_server.py FOLDER [--cert FILE --key FILE [--wrapped]]
[--login USER:PASSWORD] [--shut]
"""

import argparse
import asyncio
import email
import email.policy
import json
import logging
import pathlib
import ssl
import warnings

from aiosmtpd.smtp import SMTP, AuthResult

# Logins in clear are what some tests are about.
warnings.simplefilter("ignore")
logging.disable()

REFUSALS = {
    "later": "450 4.2.0 box busy",
    "nobody": "550 5.1.1 no such box",
    "barred": "550 5.7.1 you may not write to it",
}


def read(content):
    """A mail as a mail program understands it."""
    mail = email.message_from_bytes(content, policy=email.policy.default)
    headers = [[name, str(value)] for name, value in mail.items()]
    parts = []
    for part in mail.walk():
        shown = {"type": part.get_content_type(), "filename": part.get_filename()}
        if not part.is_multipart():
            data = part.get_payload(decode=True)
            is_text = part.get_content_maintype() == "text"
            shown["content"] = part.get_content() if is_text else data.hex()
        parts.append(shown)
    defects = [str(defect) for part in mail.walk() for defect in part.defects]
    return {"headers": headers, "parts": parts, "defects": defects}


class Handler:
    def __init__(self, folder):
        self.folder = folder
        self.count = 0
        self.dropped = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        refusal = REFUSALS.get(address.split("@")[0])
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        local = envelope.rcpt_tos[0].split("@")[0]
        if local == "spam":
            return "554 5.6.0 looks like spam"
        self.keep(session, envelope)
        if local == "drop" and local not in self.dropped:
            self.dropped.add(local)
            server.transport.abort()
        return f"250 2.0.0 kept as {self.count}"

    def keep(self, session, envelope):
        self.count += 1
        about = read(envelope.original_content)
        about["from"], about["to"] = envelope.mail_from, envelope.rcpt_tos
        about["greeted_by"] = session.host_name
        about["options"] = envelope.mail_options
        path = self.folder / str(self.count)
        path.with_suffix(".eml").write_bytes(envelope.original_content)
        path.with_suffix(".json").write_text(json.dumps(about))


def settings(arguments):
    """What the command line says, as aiosmtpd wants it."""
    given = {"hostname": "localhost", "auth_require_tls": False}
    if arguments.cert and not arguments.wrapped:
        given.update(tls_context=context(arguments), require_starttls=True)
    if arguments.login:
        user, password = arguments.login.split(":")

        def check(server, session, envelope, mechanism, sent):
            if (sent.login, sent.password) == (user.encode(), password.encode()):
                return AuthResult(success=True)
            # A server that tells what it was sent.
            said = f"535 5.7.8 {sent.password.decode()} is wrong"
            return AuthResult(success=False, handled=False, message=said)

        given.update(authenticator=check, auth_required=True)
    return given


def context(arguments):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(arguments.cert, arguments.key)
    return made


class Shut(SMTP):
    """One that has no time for anybody."""

    async def _handle_client(self):
        await self.push("421 4.3.2 not now")
        self.transport.close()


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    for name in ["--cert", "--key", "--login"]:
        parser.add_argument(name)
    parser.add_argument("--wrapped", action="store_true")
    parser.add_argument("--shut", action="store_true")
    arguments = parser.parse_args()
    handler, given = Handler(arguments.folder), settings(arguments)
    protocol = Shut if arguments.shut else SMTP
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: protocol(handler, loop=loop, **given),
        "127.0.0.1",
        0,
        ssl=context(arguments) if arguments.wrapped else None,
    )
    host, port = server.sockets[0].getsockname()
    print(f"listening on {host}:{port}", flush=True)
    await server.serve_forever()


asyncio.run(main())
