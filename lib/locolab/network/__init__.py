"""How payloads travel: buckets that keep what was uploaded as it was uploaded."""

from locolab.network.bucket import Bucket, KeyTaken, key_of, round_prefix

__all__ = ["Bucket", "KeyTaken", "key_of", "round_prefix"]
