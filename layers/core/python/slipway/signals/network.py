"""Which network an address belongs to, and which callers are no people."""

from __future__ import annotations

# In the User-Agent of what reads pages on nobody's behalf; what it posts with a client key is dropped, and counted as dropped.
BOTS = ("bot", "crawl", "spider", "slurp", "headless", "lighthouse", "preview", "scrapy", "phantomjs")


def is_bot(user_agent: str) -> bool:
    lower = user_agent.lower()
    return any(word in lower for word in BOTS)


def network(address: str) -> str:
    """The /24 of an IPv4 address, the /48 of an IPv6 one; the text itself where it is neither."""
    if "." in address:
        return ".".join(address.rpartition(":")[2].split(".")[:3])
    if ":" not in address:
        return address
    head, gap, tail = address.lower().partition("::")
    groups, rest = head.split(":") if head else [], tail.split(":") if tail else []
    if gap:
        groups += ["0"] * (8 - len(groups) - len(rest))
    return ":".join(group.lstrip("0") or "0" for group in (groups + rest)[:3])
