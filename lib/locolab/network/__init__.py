"""How payloads travel: links and what a round takes on them, buckets that keep what was uploaded."""

from locolab.network.bucket import Bucket, BucketError, KeyTaken, key_of, round_prefix
from locolab.network.link import Link, RoundTimes, round_times

__all__ = ["Bucket", "BucketError", "KeyTaken", "Link", "RoundTimes", "key_of", "round_prefix", "round_times"]
