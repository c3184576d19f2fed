"""The way of a sample in AWS's documentation: one signed POST for each line of an object, by requests and requests_aws4auth.

Arguments: the bucket, the domain's URL, and the keys.
"""
import gzip
import json
import sys

import boto3
import requests
from requests_aws4auth import AWS4Auth


def main():
    bucket, domain, *keys = sys.argv[1:]
    session = boto3.Session()
    credentials = session.get_credentials()
    auth = AWS4Auth(credentials.access_key, credentials.secret_key, session.region_name, "es", session_token=credentials.token)
    s3 = session.client("s3")
    for key in keys:
        for line in gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()).splitlines():
            event = json.loads(line)
            index = "compare-" + event["base_dt"][:10].replace("-", ".")
            requests.post(f"{domain}/{index}/_doc", auth=auth, json=event, headers={"Content-Type": "application/json"})


main()
