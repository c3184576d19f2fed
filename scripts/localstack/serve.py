"""LocalStack on 127.0.0.1 and a free port, for the tests: serve.py DATA_DIR CACHE_DIR LIBS_DIR.

Prints "LOCALSTACK READY port" when it listens. When standard input ends, it kills all child processes and removes DATA_DIR, which
holds all files that it writes. Standard input is a pipe from the test process, so nothing outlives that process.
DATA_DIR/localstack.log is its log, DATA_DIR/functions/NAME.*.log is the output of the functions.
DATA_DIR/authority.pem is the authority of its https. The domains of OpenSearch that stacks create lead to the engine at
OPENSEARCH_CUSTOM_BACKEND, if it is set. Without it, LocalStack would download an engine.
"""
import os
import shutil
import socket
import sys
import tempfile
import threading
from pathlib import Path

import certificate


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def configure(data, cache, port):
    """Sets the environment. It has to run before the first import of LocalStack, which reads its configuration then."""
    here = f"127.0.0.1:{port}"  # the default name, localhost.localstack.cloud, needs the internet
    os.environ.update(
        {
            "AWS_DEFAULT_REGION": os.environ.get("AWS_DEFAULT_REGION", "eu-west-1"),
            "GATEWAY_LISTEN": here,
            "LOCALSTACK_HOST": here,
            # Names of hosts need a name server.
            "SQS_ENDPOINT_STRATEGY": "path",
            "OPENSEARCH_ENDPOINT_STRATEGY": "path",
            "CUSTOM_SSL_CERT_PATH": str(data / "server.pem"),
            # No access to the internet, and no files outside of DATA_DIR and CACHE_DIR.
            "DISABLE_EVENTS": "1",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "DNS_ADDRESS": "0",
            "OVERRIDE_IN_DOCKER": "0",
            "FILESYSTEM_ROOT": str(data),
            "CONFIG_DIR": str(data),
            "XDG_CACHE_HOME": str(cache),
            # Tests wait for these delays: the next poll of an empty queue, and the retry of a failed asynchronous invocation.
            "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "1",
            "LAMBDA_RETRY_BASE_DELAY": "1",
        }
    )


def install(logs):
    """Adds to LocalStack: functions without containers, custom resources, and updates that work as those of AWS."""
    from localstack.services.lambda_.invocation import runtime_executor

    import custom_resource
    import executor
    import updates

    custom_resource.install()
    updates.install()
    executor.ProcessExecutor.logs = logs
    # Set before another module imports the function by its name.
    runtime_executor.get_runtime_executor = lambda: executor.ProcessExecutor
    import poller

    poller.install()


def keep_objects_in(folder):
    """By default objects are in /tmp/localstack-s3-storage, which all LocalStack processes share."""
    from localstack.services.s3 import provider

    provider.DEFAULT_S3_TMP_DIR = str(folder)


def end_with_standard_input(data):
    while sys.stdin.buffer.read(1):
        pass
    import psutil

    # A killed process may be restarted, so repeat until there is none.
    while children := psutil.Process().children(recursive=True):
        for child in children:
            try:
                child.kill()
            except psutil.NoSuchProcess:
                pass
        psutil.wait_procs(children, timeout=1)
    shutil.rmtree(data, ignore_errors=True)
    os._exit(0)


def say_when_ready(port, out):
    from localstack.runtime import events

    events.infra_ready.wait()
    print(f"LOCALSTACK READY {port}", file=out, flush=True)


def main():
    data, cache, libs = (Path(path).resolve() for path in sys.argv[1:4])
    logs, port = data / "functions", free_port()
    for folder in (data / "tmp", logs, cache):
        folder.mkdir(parents=True, exist_ok=True)
    volume = data / "var/lib/localstack"
    volume.mkdir(parents=True)
    (volume / "lib").symlink_to(libs)  # the downloads of LocalStack, already installed
    out = os.fdopen(os.dup(1), "w")
    log = os.open(data / "localstack.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    threading.Thread(target=end_with_standard_input, args=[data], daemon=True).start()
    tempfile.tempdir = str(data / "tmp")  # set here, because LocalStack does not support TMPDIR from the environment
    configure(data, cache, port)
    certificate.write(data / "authority.pem", data / "server.pem")
    install(logs)
    keep_objects_in(data / "objects")
    threading.Thread(target=say_when_ready, args=[port, out], daemon=True).start()
    from localstack.runtime import main as localstack

    localstack.main()


main()
