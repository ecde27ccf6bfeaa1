"""Prints its AWS identity and the buckets, with the default credential chain of boto3. An argument sets the endpoint of STS."""
import sys

import boto3
from botocore.config import Config

once = Config(retries={"total_max_attempts": 1})
sts = boto3.client("sts", endpoint_url=sys.argv[1] if len(sys.argv) > 1 else None, config=once)
buckets = boto3.client("s3", config=once).list_buckets()["Buckets"]
print(sts.get_caller_identity()["Arn"], ",".join(bucket["Name"] for bucket in buckets))
