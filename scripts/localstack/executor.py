"""Runs the functions of LocalStack as child processes: no container, no image.

In: the calls of LocalStack's Lambda to a RuntimeExecutor, for functions whose code holds a `bootstrap` (provided.*). Out: a
child process that speaks Lambda's runtime API with its own server here, and a file with its output. A sandbox has one
process. If the process ended or was too slow, the next invocation gets a new one, as with Lambda. Layers are beside the code
instead of in /opt; MILLRACE_PIPELINE gives the function the path. Deliberately absent: limits of memory and CPU.
"""
import json
import os
import queue
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from localstack import config
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import LambdaRuntimeException, RuntimeExecutor

API = "/2018-06-01/runtime/"
INIT_SECONDS = 10  # Lambda's own limit


class Handler(BaseHTTPRequestHandler):
    """The runtime API; `server.sandbox` is the sandbox that it serves."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        sandbox = self.server.sandbox
        if self.path != API + "invocation/next":
            return self.answer(404)
        sandbox.ready.set()
        invocation = sandbox.pending.get()
        if invocation is None:
            return self.answer(410)
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation["invoke-id"],
            "Lambda-Runtime-Invoked-Function-Arn": invocation["invoked-function-arn"],
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + sandbox.timeout) * 1000)),
            "Lambda-Runtime-Trace-Id": invocation.get("trace-id") or "",
        }
        return self.answer(200, invocation["payload"].encode(), headers)

    def do_POST(self):
        sandbox, body = self.server.sandbox, self.body()
        match self.path.removeprefix(API).split("/"):
            case ["invocation", request, "response" | "error" as kind]:
                sandbox.results.put((request, body, kind == "error"))
            case ["init", "error"]:
                sandbox.init_error = body.decode(errors="replace")
                sandbox.ready.set()
            case _:
                return self.answer(404)
        return self.answer(202, b'{"status":"OK"}')

    def answer(self, status, body=b"", headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        if (self.headers.get("Transfer-Encoding") or "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while length := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(length)
            self.rfile.readline()
        self.rfile.readline()
        return body


class Sandbox:
    """One child process and the server from which it fetches invocations."""

    def __init__(self, folder, env, timeout, log):
        self.timeout = timeout
        self.ready, self.pending, self.results, self.init_error = threading.Event(), queue.Queue(), queue.Queue(), None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads, self.server.sandbox = True, self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        env = {**env, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.server_port}", "LAMBDA_TASK_ROOT": str(folder)}
        self.process = subprocess.Popen(
            [folder / "bootstrap"], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        end = time.monotonic() + INIT_SECONDS
        while not self.ready.wait(0.005):
            if self.process.poll() is not None or time.monotonic() > end:
                self.init_error = f"exit {self.process.poll()}"
                break
        if self.init_error:
            self.stop()
            raise LambdaRuntimeException(f"the function does not start: {self.init_error}")

    def invoke(self, payload):
        """Returns the response and whether it is an error. The process does not run any more if it ended or was too slow."""
        request, end = payload["invoke-id"], time.monotonic() + self.timeout
        self.pending.put(payload)
        while True:
            try:
                answered, body, failed = self.results.get(timeout=0.05)
                if answered == request:
                    return body, failed
            except queue.Empty:
                if self.process.poll() is not None:
                    kind, said = "Runtime.ExitError", f"Runtime exited with error: exit status {self.process.returncode}"
                elif time.monotonic() > end:
                    kind, said = "Sandbox.Timedout", f"Task timed out after {self.timeout}.00 seconds"
                else:
                    continue
                self.stop()
                return json.dumps({"errorType": kind, "errorMessage": f"RequestId: {request} Error: {said}"}).encode(), True

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.pending.put(None)
        self.server.shutdown()
        self.server.server_close()


class ProcessExecutor(RuntimeExecutor):
    """LocalStack creates one executor for each environment of a function's version."""

    logs = None  # the folder for the output of the functions, one file for each environment

    def __init__(self, id, function_version):
        super().__init__(id, function_version)
        self.sandbox = None
        self.path = self.logs / f"{function_version.id.function_name}.{id}.log"
        self.log = self.path.open("ab", buffering=0)

    def start(self, env_vars):
        self.env = {name: str(value) for name, value in env_vars.items() if not name.startswith("LOCALSTACK_")}
        self.env |= {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "en_US.UTF-8"}
        layers = [layer.code.get_unzipped_code_location() for layer in self.function_version.config.layers]
        for rules in (layer / "pipeline.yaml" for layer in layers):
            if rules.is_file():
                self.env["MILLRACE_PIPELINE"] = str(rules)
        self.begin()

    def begin(self):
        code = self.function_version.config.code.get_unzipped_code_location()
        self.sandbox = Sandbox(Path(code), self.env, int(self.function_version.config.timeout), self.log)

    def stop(self):
        if self.sandbox:
            self.sandbox.stop()

    def invoke(self, payload):
        if self.sandbox.process.poll() is not None:
            self.sandbox.stop()
            self.begin()
        mark = self.path.stat().st_size
        body, failed = self.sandbox.invoke(payload)
        return InvocationResult(payload["invoke-id"], body, is_error=failed, logs=self.said(mark))

    def said(self, mark=0):
        with self.path.open("rb") as log:
            log.seek(mark)
            return log.read().decode(errors="replace")

    def get_logs(self):
        return self.said()

    def get_address(self):
        return "127.0.0.1"

    def get_endpoint_from_executor(self):
        return "127.0.0.1"

    def get_runtime_endpoint(self):
        return f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}/_localstack_lambda/{self.id}"

    @classmethod
    def prepare_version(cls, function_version):
        function_version.config.code.prepare_for_execution()
        for layer in function_version.config.layers:
            layer.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version):
        pass
