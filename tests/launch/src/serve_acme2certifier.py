"""Serves acme2certifier over TLS: serve_acme2certifier.py FOLDER PORT HTTP_PORT TLS_PORT DNS_PORT

It looks for answers at the ports of the RFC and asks its resolvers at port 53, and no setting changes that. What it opens to
these ports goes to those of the test instead, as a firewall's redirection would have it; it validates for real.
"""

import os
import socket
import ssl
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

folder = sys.argv[1]
port, http_port, tls_port, dns_port = map(int, sys.argv[2:])
os.environ["ACME_SRV_CONFIGFILE"] = os.path.join(folder, "acme_srv.cfg")

redirected = {80: http_port, 443: tls_port}
connect = socket.socket.connect


def connect_redirected(self, address):
    host, asked, *rest = address
    return connect(self, (host, redirected.get(asked, asked), *rest))


socket.socket.connect = connect_redirected

import dns.resolver

reset = dns.resolver.Resolver.reset


def reset_redirected(self):
    reset(self)
    self.port = dns_port


dns.resolver.Resolver.reset = reset_redirected

from acme2certifier.share.acme2certifier_wsgi import application


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Handler(WSGIRequestHandler):
    def get_environ(self):
        return {**super().get_environ(), "HTTP_X_FORWARDED_PROTO": "https"}


server = make_server("127.0.0.1", port, application, Server, Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.path.join(folder, "certificate.pem"), os.path.join(folder, "key.pem"))
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
