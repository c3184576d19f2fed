"""moto (S3, SQS, Secrets Manager, …) on 127.0.0.1 and a free port, for the tests.

Prints "MOTO READY port" when it listens. It ends when standard input ends. Standard input is a pipe from the test process, so
moto cannot outlive it. With INITIAL_NO_AUTH_ACTION_COUNT=n moto checks SigV4 and IAM policies from request n + 1 on.
"""
import os
import sys
import threading

from moto.core.config import default_user_config
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class Quiet(WSGIRequestHandler):
    """HTTP/1.1 with persistent connections, and no log line for each request."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *_):
        pass


def main():
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")
    default_user_config["lambda"]["use_docker"] = False  # moto stores functions, and never runs them
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"MOTO READY {server.port}", flush=True)
    while sys.stdin.buffer.read(1):
        pass
    os._exit(0)


main()
