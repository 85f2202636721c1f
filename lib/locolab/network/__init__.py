"""How payloads travel: buckets that keep what was uploaded as it was uploaded."""

from locolab.network.bucket import Bucket, BucketError, KeyTaken, key_of, round_prefix

__all__ = ["Bucket", "BucketError", "KeyTaken", "key_of", "round_prefix"]
