"""Duplicate removal: signatures per shard, a barrier over all shards, a drop list per shard."""
