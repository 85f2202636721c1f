"""Damaged payloads by the million against the decoder: how they are made, and what counts as a finding."""
