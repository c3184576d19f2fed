"""The script of a tutorial: objects of S3 into a domain by helpers.bulk of opensearch-py, signed.

Arguments: the bucket, the domain's URL, `plain` or `gzip`, and the keys.
"""
import gzip
import json
import sys

import boto3
from opensearchpy import AWSV4SignerAuth, OpenSearch, RequestsHttpConnection, helpers


def actions(s3, bucket, keys):
    for key in keys:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"]
        for line in gzip.GzipFile(fileobj=body):
            event = json.loads(line)
            yield {"_index": "compare-" + event["base_dt"][:10].replace("-", "."), "_source": event}


def main():
    bucket, domain, compression, *keys = sys.argv[1:]
    session = boto3.Session()
    client = OpenSearch(
        domain,
        http_auth=AWSV4SignerAuth(session.get_credentials(), session.region_name, "es"),
        connection_class=RequestsHttpConnection,
        http_compress=compression == "gzip",
        timeout=60,
    )
    helpers.bulk(client, actions(session.client("s3"), bucket, keys))


main()
