"""A real SMTP server for tests: prints its port, then each message it takes as a line of JSON."""
import asyncio
import json
import ssl
import sys

try:
    from aiosmtpd.smtp import SMTP, AuthResult
except ImportError:
    sys.exit("The mail tests need aiosmtpd: apt-get install python3-aiosmtpd")

options = json.loads(sys.argv[1])


class Handler:
    async def handle_DATA(self, server, session, envelope):
        print(json.dumps({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None or options.get("implicitTls", False),
            "user": session.auth_data,
            "data": envelope.content.decode("utf-8"),
        }), flush=True)
        return "250 taken"


def authenticator(server, session, envelope, mechanism, auth_data):
    good = auth_data.login == b"mailer" and auth_data.password == b"p@ss word"
    return AuthResult(success=good, handled=False, auth_data="mailer" if good else None)


async def main():
    context = None
    if options.get("tls") or options.get("implicitTls"):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options["certificate"], options["key"])

    def make():
        if options.get("silent"):
            return asyncio.Protocol()
        return SMTP(
            Handler(),
            tls_context=context if options.get("tls") else None,
            authenticator=authenticator if options.get("auth") else None,
            auth_required=bool(options.get("auth")),
            auth_require_tls=False,
        )

    secure = context if options.get("implicitTls") else None
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0, ssl=secure)
    print(server.sockets[0].getsockname()[1], flush=True)
    # Ends with the test that started it.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
