# Reads key ids, asks KMS of each what keyrotor's scan asks, prints the seconds.
import json, sys, time
import boto3

keys = sys.stdin.read().split()
kms = boto3.client("kms", region_name=sys.argv[1])
kms.list_keys(Limit=1)  # connections and models are not counted
start = time.monotonic()
for key in keys:
    m = kms.describe_key(KeyId=key)["KeyMetadata"]
    if m["KeySpec"] == "SYMMETRIC_DEFAULT" and m["Origin"] in ("AWS_KMS", "EXTERNAL"):
        kms.get_key_rotation_status(KeyId=key)
        kms.list_key_rotations(KeyId=key, Limit=1000)
    kms.list_resource_tags(KeyId=key, Limit=50)
    kms.get_key_policy(KeyId=key, PolicyName="default")
print(json.dumps(time.monotonic() - start))
