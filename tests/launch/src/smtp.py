"""A mail server (aiosmtpd) that keeps what it takes, and answers as the test says.

Arguments: folder, port, security (none, starttls or tls), user and password (empty when nobody has to log in).
The folder holds server.pem with certificate and key, behaviour.json, and gets mails.jsonl.
"""
import asyncio
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

folder, port, security, user, password = sys.argv[1:]


def behaviour():
    try:
        with open(os.path.join(folder, "behaviour.json")) as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        answer = behaviour().get("mail")
        if answer:
            return answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = behaviour().get("rcpt", {}).get(address)
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        wanted = behaviour()
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "text": envelope.content.decode("ascii"),
            "tls": session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None,
            "user": session.auth_data.login.decode() if session.auth_data else None,
        }
        if not wanted.get("data"):
            with open(os.path.join(folder, "mails.jsonl"), "a") as file:
                file.write(json.dumps(mail) + "\n")
        if wanted.get("leave"):
            # It has the mail, and nobody learns of that.
            server.transport.abort()
        return wanted.get("data") or "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == (user, password)
    return AuthResult(success=good, handled=good, auth_data=data if good else None)


def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(os.path.join(folder, "server.pem"))
    return made


def server():
    return SMTP(
        Handler(),
        hostname="smtp.test",
        tls_context=context() if security == "starttls" else None,
        require_starttls=security == "starttls",
        authenticator=authenticate,
        auth_required=bool(user),
        auth_require_tls=security == "starttls",
    )


async def main():
    at_once = context() if security == "tls" else None
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", int(port), ssl=at_once)
    with open(os.path.join(folder, "ready"), "w") as file:
        file.write(str(os.getpid()))
    await listener.serve_forever()


asyncio.run(main())
