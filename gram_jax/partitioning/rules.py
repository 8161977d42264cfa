"""Which mesh axis each logical axis is split over, as data. Knows no array and no mesh."""

AxisRules = tuple[tuple[str, str | tuple[str, ...] | None], ...]
"""(logical axis, mesh axis or axes or None for 'on every device'); the first match counts."""

DEFAULT_AXIS_RULES: AxisRules = (
    ("batch", ("data", "fsdp")),
    ("vocab", "model"),
    ("embed", "fsdp"),
    ("heads", "model"),
    ("mlp", "model"),
    ("kv", None),
    ("relpos_buckets", None),
    ("nodes", None),
    ("codes", None),
    ("postings", None),
)
"""Heads, mlp and vocabulary go to `model`, the embedding axis to `fsdp`: an array with two of them
is split both ways. Every device holds the whole index: its nodes, codes and postings."""
