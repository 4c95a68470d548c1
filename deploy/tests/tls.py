"""Adds HTTPS: the load balancer serves the certificate that its listener has in ACM."""

import os
import ssl
import tempfile

from ministack import app
from ministack.core.responses import request_scope
from ministack.services import acm, alb, iam


def present(connection, name, _):
    """Chooses the certificate by the host name that the client asks for."""
    with request_scope(iam.get_account_id(), os.environ["MINISTACK_REGION"]):
        balancer = alb.find_lb_for_host(name)["LoadBalancerArn"]
        (listener,) = [at for at in alb._listeners.values() if at["LoadBalancerArn"] == balancer and at["Port"] == 443]
        certificate = acm._certificates[listener["Certificates"][0]]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w") as chain:
        chain.write(certificate["_private_key"] + "\n" + certificate["_pem_body"])
        chain.flush()
        context.load_cert_chain(chain.name)
    connection.context = context


def create_ssl_context(_):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = present
    return context


def create_sockets(original, config):
    config.insecure_bind, config.bind = config.bind, [f"127.0.0.1:{os.environ['PICUS_TLS_PORT']}"]
    return original(config)


async def to_port_443(original, host, path, method, headers, *rest):
    return await original(f"{host}:443" if headers.get("x-forwarded-proto") == "https" else host, path, method, headers, *rest)


def install(config):
    sockets, request = config.create_sockets, app._handle_alb_request
    config.ssl_enabled = True
    config.create_ssl_context = create_ssl_context
    config.create_sockets = lambda self: create_sockets(sockets, self)
    app._handle_alb_request = lambda *given: to_port_443(request, *given)
