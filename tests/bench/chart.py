"""Draws the bar chart of the report: draw(results, path). Needs matplotlib."""

from arithmetic import geomean, ratio
from contenders import CONTENDERS

PEERS = {"onnxruntime": "#7f8c8d", "openvino": "#c9a227"}
OURS = "#a63a2b"
LONGEST = 5  # longer bars are cut here; their numbers stand beside them


def speedups(results, threads):
    """-> (titles, peer -> times as long, None where not measured), the mean first."""
    rows = [row for row in results["rows"] if row["threads"] == threads]
    titles = ["geometric mean"] + [row["title"] for row in rows]
    found = {}
    for peer in PEERS:
        values = [ratio(row, peer) for row in rows]
        mean = geomean(value for row, value in zip(rows, values)
                       if value is not None and row["group"] == "race")
        found[peer] = [mean, *values]
    return titles, found


def draw(results, path):
    import matplotlib
    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "sardonyx",
                                "font.family": "sans-serif", "font.size": 9})
    from matplotlib import pyplot
    threads = results["settings"]["threads"]
    titles, _ = speedups(results, threads[0])
    figure, axes = pyplot.subplots(1, len(threads), squeeze=False, sharey=True, sharex=True,
                                   layout="constrained",
                                   figsize=(5.2 * len(threads), 1.4 + 0.34 * len(titles)))
    for axis, count in zip(axes[0], threads):
        draw_panel(axis, *speedups(results, count), count)
    axes[0][0].invert_yaxis()
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=3,
                  frameon=False)
    figure.suptitle("Time of one run beside Sardonyx's (longer is slower)", fontsize=11)
    figure.savefig(path)
    pyplot.close(figure)


def bar_text(value):
    if not value:
        return ""
    return f"{value:.2f}" if value <= LONGEST else f"… {value:.1f}"


def draw_panel(axis, titles, found, threads):
    height = 0.8 / len(found)
    for index, (peer, values) in enumerate(found.items()):
        places = [row + (index - (len(found) - 1) / 2) * height for row in range(len(titles))]
        lengths = [min(value or 0, LONGEST) for value in values]
        bars = axis.barh(places, lengths, height, color=PEERS[peer],
                         label=CONTENDERS[peer].title)
        axis.bar_label(bars, [bar_text(value) for value in values], padding=2, fontsize=7)
    axis.axvline(1, color=OURS, linewidth=1.5, label="Sardonyx")
    axis.set_yticks(range(len(titles)), titles)
    axis.set_xlabel(f"{threads} thread" + "s" * (threads > 1))
    axis.margins(x=0.1)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
