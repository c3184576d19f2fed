"""Aggregates user records with Amazon's library (aws_kinesis_agg), for the tests.

In: lines of JSON, `[partition key, explicit hash key or null, base64 of the data]`, on standard input. The argument is the
number of user records in a frame. Out: one line for each frame, base64. A frame also ends when the library finds it full.
"""
import base64
import json
import sys

from aws_kinesis_agg.aggregator import RecordAggregator


def main():
    most = int(sys.argv[1])
    aggregator = RecordAggregator()

    def put_out(record):
        if record is not None:
            _, _, data = record.get_contents()
            print(base64.b64encode(data).decode())

    for line in sys.stdin:
        key, hash_key, data = json.loads(line)
        put_out(aggregator.add_user_record(key, base64.b64decode(data), hash_key))
        if aggregator.get_num_user_records() == most:
            put_out(aggregator.clear_and_get())
    put_out(aggregator.clear_and_get())


main()
