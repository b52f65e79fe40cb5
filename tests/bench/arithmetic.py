"""What the report computes from measured times: medians of rounds, ratios, means, bars.

A row is one model at one case and thread count: row["contenders"][name]["p50"] lists the median
seconds of each round, in the order in which the rounds were run.
"""

import math
import statistics


def geomean(values):
    """None without values."""
    values = list(values)
    if not values:
        return None
    if min(values) <= 0:
        raise ValueError(f"a geometric mean needs positive values, got {min(values)}")
    return math.exp(statistics.fmean(math.log(value) for value in values))


def join_rounds(rounds):
    """What worker.py printed in each round -> one dict: lists for p50, medians for the rest."""
    memory = {key: statistics.median(one["memory"][key] for one in rounds)
              for key in rounds[0]["memory"]}
    return {
        "p50": [statistics.median(one["times"]) for one in rounds],
        "runs": sum(len(one["times"]) for one in rounds),
        "load": statistics.median(one["load"] for one in rounds),
        "first": statistics.median(one["first"] for one in rounds),
        "precision": rounds[0]["precision"],
        "memory": memory,
    }


def p50(row, contender):
    """Median over the rounds; None where the contender did not run or was not comparable."""
    found = row["contenders"].get(contender)
    return statistics.median(found["p50"]) if is_timed(found) else None


def is_timed(found):
    return bool(found) and bool(found.get("p50")) and not found.get("problem")


def ratio(row, peer, ours="sardonyx", key="p50"):
    """How many times as long the peer takes: each round beside its neighbour, then the median."""
    first, second = row["contenders"].get(ours), row["contenders"].get(peer)
    if not is_timed(first) or not is_timed(second):
        return None
    if key != "p50":
        return second[key] / first[key]
    return statistics.median(theirs / own for own, theirs in zip(first["p50"], second["p50"]))


def ready_ratio(row, peer, ours="sardonyx"):
    """The same of load and first run together: until the first answer."""
    pair = [row["contenders"].get(name) for name in (ours, peer)]
    if not all(is_timed(found) for found in pair):
        return None
    own, theirs = (found["load"] + found["first"] for found in pair)
    return theirs / own


def ratios(rows, peer, **options):
    """title -> ratio, of the rows that have one."""
    found = {row["title"]: ratio(row, peer, **options) for row in rows}
    return {title: value for title, value in found.items() if value is not None}


def share_of_peak(row):
    """FLOP/s of Sardonyx as a share of the FMA peak that was measured between its rounds."""
    times = p50(row, "sardonyx")
    if not times or not row.get("flops") or not row.get("peak"):
        return None
    return row["flops"] / times / statistics.median(row["peak"])


def worst_nodes(profile, count=3):
    """The nodes that lose most time against the roofline: what `sardonyx bench --json` printed ->
    dicts with the share of the run, of the FMA peak and of the bandwidth of memory."""
    peak, bandwidth = profile["peak_flops"], profile["peak_bytes_per_second"]

    def lost(node):
        return node["seconds"] - max(node["flops"] / peak, node["bytes"] / bandwidth)
    return [{"node": node["node"], "kernel": f"{node['op']} ({node['kernel']})",
             "of_run": node["seconds"] / profile["profiled_seconds"],
             "of_flops": node["flops"] / node["seconds"] / peak,
             "of_bandwidth": node["bytes"] / node["seconds"] / bandwidth}
            for node in sorted(profile["nodes"], key=lost, reverse=True)[:count]
            if node["seconds"] > 0]


def second_thread(rows):
    """title -> how many times faster Sardonyx is with 2 threads than with 1."""
    by_threads = {(row["title"], row["threads"]): p50(row, "sardonyx") for row in rows}
    return {title: one / by_threads[title, 2]
            for (title, threads), one in by_threads.items()
            if threads == 1 and one and by_threads.get((title, 2))}


def worst_growth(items):
    """How much longer an item takes than in the best smaller size: 1 where it never grows.

    items: seconds per item, smallest size first.
    """
    worst = 1.0
    for index in range(1, len(items)):
        worst = max(worst, items[index] / min(items[:index]))
    return worst


class Bar:
    """One bar: reached when the value is at least (or at most) what it asks for."""

    def __init__(self, title, wanted, value, unit="×", at_most=False, note=""):
        self.title, self.wanted, self.value = title, wanted, value
        self.unit, self.at_most, self.note = unit, at_most, note

    @property
    def is_reached(self):
        if self.value is None:
            return None
        return self.value <= self.wanted if self.at_most else self.value >= self.wanted

    @property
    def verdict(self):
        """"reached", or how far off, as a share of what was asked for."""
        if self.is_reached is None:
            return "not measured"
        if self.is_reached:
            return "reached"
        off = 100 * abs(self.value / self.wanted - 1)
        return f"missed by {off:.0f}%" if off >= 1 else f"missed by {off:.1g}%"
