"""Asynchronous invocations of LocalStack that arrive while a function is updated.

LocalStack has a queue for each function, and a poller for each of its versions. An update starts a new poller and stops the old
one, in the middle of its long poll of two seconds. The old poller drops the messages that it receives after that, and the queue
hides them for the function's timeout and a minute. So a stack update with a changed layer waited for a custom resource whose
function never got the request. The poller here puts received messages back after it was stopped.
"""
import logging
import time

from localstack.services.lambda_.invocation import event_manager

LOG = logging.getLogger(__name__)
WAIT_SECONDS = 2


class Poller(event_manager.Poller):
    def run(self, *_, **__):
        queue = event_manager.get_sqs_client(self.version_manager.function_version)
        hidden = self.version_manager.function_version.config.timeout + 60
        while not self._shutdown_event.is_set():
            try:
                received = queue.receive_message(
                    QueueUrl=self.event_queue_url,
                    WaitTimeSeconds=WAIT_SECONDS,
                    MaxNumberOfMessages=10,
                    VisibilityTimeout=hidden,
                )
            except Exception as error:
                # When a function is deleted, its queue is deleted too, and its poller ends.
                if not self._shutdown_event.is_set():
                    LOG.error("events of %s: %s", self.event_queue_url, error)
                    time.sleep(1)
                continue
            for message in received.get("Messages") or []:
                self.take(queue, message)

    def take(self, queue, message):
        """Begins an invocation, or puts it back for the next poller."""
        try:
            if self._shutdown_event.is_set():
                raise RuntimeError("the poller was stopped")
            begun = self.invoker_pool.submit(self.handle_message, message)
        except RuntimeError:  # also raised by `submit` if the pool was shut down in between
            self.put_back(queue, message)
        else:
            begun.add_done_callback(lambda future: self.put_back(queue, message) if future.cancelled() else None)

    def put_back(self, queue, message):
        queue.send_message(QueueUrl=self.event_queue_url, MessageBody=message["Body"])
        queue.delete_message(QueueUrl=self.event_queue_url, ReceiptHandle=message["ReceiptHandle"])


def install():
    event_manager.Poller = Poller
