"""Writes BENCHMARKS.md from the results of run.py: report(results, notes) -> text."""

import textwrap

from arithmetic import geomean, p50, ratio, ready_ratio, second_thread, share_of_peak
from bars import all_bars, items_per_run, race_rows, seconds_per_item
from contenders import CONTENDERS, EXACT_REFERENCE, MAY_DIFFER, REFERENCE

MB = 1e6
PEERS = ("onnxruntime", "openvino", "openvino_default")


def number(value, form="{:.2f}", scale=1):
    return "–" if value is None else form.format(value * scale)


def digits(value):
    """Three digits that count."""
    if value is None:
        return "–"
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"


def milliseconds(seconds):
    return digits(seconds and seconds * 1e3)


def table(titles, rows, texts=1):
    """Markdown; the first `texts` columns are text, and so is the one without a title."""
    kinds = [":--" if index < texts or not title else "--:" for index, title in enumerate(titles)]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in (titles, kinds, *rows))


def title_of(name):
    return CONTENDERS[name].title


HEAD = """
Written by `make bench` on {date}: {processor}, {cores} cores, instruction set {tier},
{memory_gb:.0f} GB, {system}. Sardonyx {sardonyx} ({commit}), ONNX Runtime {onnxruntime}, OpenVINO
{openvino}, Python {python}. Load average before and after: {load[0]:.1f}, {load[1]:.1f}.

Each contender runs in a process of its own, in turn, rounds of {seconds:g} s for each model and
number of threads ({rounds} of them); nothing is pinned. A time is the median of a round's runs,
then of the rounds; a ratio is that of neighbours in a round, then the median. ONNX Runtime: all
optimisations. OpenVINO: latency hint, compiled for the shapes at hand; with f32 forced, and with
its default precision ({precision} here), which the bars leave out. The outputs of all were compared
with ONNX Runtime's (rtol 1e-3, atol 1e-5) before anything was reported; see
[Agreement](#agreement). "of peak" is FLOP/s of the whole run as a share of the FMA peak that is
measured between the rounds; a convolution counts as its direct form, also where Winograd's does
less. MB are 10⁶ bytes."""


def head(results):
    text = HEAD.format(date=results["date"], commit=results["commit"], **results["machine"],
                       **results["versions"], **results["settings"],
                       precision=default_precision(results))
    return "# Benchmarks\n\n" + "\n\n".join(
        textwrap.fill(part, 120, break_on_hyphens=False) for part in text.strip().split("\n\n"))


def default_precision(results):
    found = {row["contenders"][name]["precision"] for row in results["rows"]
             for name in MAY_DIFFER if "precision" in row["contenders"].get(name, {})}
    return ", ".join(sorted(found)) or "not measured"


def bar_table(results):
    rows = []
    for bar in all_bars(results):
        wanted = f"{'≤' if bar.at_most else '≥'} {bar.wanted:g}{bar.unit}"
        verdict = bar.verdict if bar.is_reached is not False else f"**{bar.verdict}**"
        rows.append([bar.title, wanted, number(bar.value) + (bar.unit if bar.value is not None
                                                              else ""), verdict, bar.note])
    return "## Bars\n\n" + table(["what", "bar", "measured", "verdict", ""], rows)


def latency_row(row):
    cells = [row["title"], row["threads"], milliseconds(p50(row, "sardonyx"))]
    for peer in PEERS:
        cells += [milliseconds(p50(row, peer)), number(ratio(row, peer))]
    share = share_of_peak(row)
    return cells + [number(share, "{:.0f}%", 100)]


def mean_row(name, rows, threads):
    cells = [f"**{name}**", threads, ""]
    for peer in PEERS:
        found = [value for row in rows if (value := ratio(row, peer)) is not None]
        mean = geomean(found)
        cells += ["", "–" if mean is None else f"**{mean:.2f}**"]
    return cells + [""]


def latency_titles():
    return ["model", "threads", "Sardonyx ms"] + [
        cell for peer in PEERS for cell in (f"{title_of(peer)} ms", "×")] + ["of peak"]


def latency_tables(results):
    parts = ["## Latency\n\np50 of one run with batch 1; × is how many times as long the peer "
             "takes."]
    for group, name in (("race", "geometric mean"), ("more", "geometric mean")):
        rows = [row for row in results["rows"] if row["group"] == group]
        if not rows:
            continue
        if group == "more":
            parts.append("Models outside the bars:")
        lines = [latency_row(row) for row in rows]
        lines += [mean_row(name, [row for row in rows if row["threads"] == threads], threads)
                  for threads in results["settings"]["threads"]]
        parts.append(table(latency_titles(), lines))
    return "\n\n".join(parts)


def of(row, contender, *keys):
    value = row["contenders"].get(contender, {})
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def start_table(results):
    names = ("sardonyx", "onnxruntime", "openvino")
    titles = ["model"] + [f"{what} {title_of(name)}" for what in ("load ms", "first run ms")
                          for name in names] + ["load ×", "first answer ×"]
    rows = []
    for row in first_threads(results):
        rows.append([row["title"]] + [milliseconds(of(row, name, what)) for what in
                                      ("load", "first") for name in names]
                    + [number(ratio(row, "onnxruntime", key="load")),
                       number(ready_ratio(row, "onnxruntime"))])
    return ("## Loading and first run\n\nOne thread; × is ONNX Runtime's time over ours, to load, "
            "and until the first answer, which counts what a contender puts off until then.\n\n"
            + table(titles, rows))


def first_threads(results):
    return [row for row in results["rows"]
            if row["threads"] == results["settings"]["threads"][0]]


def memory_table(results):
    names = ("sardonyx", "onnxruntime", "openvino")
    titles = ["model", "file", "planned activations"] + [
        f"{what} {title_of(name)}" for what in ("after load", "after first run", "peak")
        for name in names]
    rows = []
    for row in first_threads(results):
        rows.append([row["title"], number(row["file_bytes"] / MB, "{:.0f}"),
                     number(row.get("arena_bytes"), "{:.1f}", 1 / MB)]
                    + [number(of(row, name, "memory", what), "{:.0f}", 1 / MB)
                       for what in ("loaded", "first", "peak") for name in names])
    if "floor" in results:
        rows.append(["*one Relu*", "0", "0.0"] + [
            number(results["floor"].get(name, {}).get(what), "{:.0f}", 1 / MB)
            for what in ("loaded", "first", "peak") for name in names])
    return ("## Memory\n\nResident MB beyond the process before it loads the model, mapped files "
            "included; one thread. Pages of shared libraries count only in the peak.\n\n"
            + table(titles, rows))


def thread_table(results):
    found = second_thread(results["rows"])
    if not found:
        return ""
    return "## Second thread\n\n" + table(["model", "1 thread / 2 threads"],
                                          [[title, number(value)] for title, value
                                           in found.items()])


def symbols_text(symbols):
    return " ".join(f"{key}={value}" for key, value in symbols.items())


def sweep_tables(results):
    parts = []
    for sweep in results.get("sweeps", []):
        titles = ["shape", "threads", "Sardonyx ms", "µs per item"] + [
            cell for peer in ("onnxruntime", "openvino") for cell in
            (f"{title_of(peer)} ms", "×")]
        rows = []
        for row in sweep["rows"]:
            ours = p50(row, "sardonyx")
            cells = [symbols_text(row["symbols"]), row["threads"], milliseconds(ours),
                     digits(ours and ours / items_per_run(row["symbols"]) * 1e6)]
            for peer in ("onnxruntime", "openvino"):
                cells += [milliseconds(p50(row, peer)), number(ratio(row, peer))]
            rows.append(cells)
        parts.append(f"### {sweep['title']}: {sweep['kind']}\n\n" + table(titles, rows))
    return "## Other sizes\n\n" + "\n\n".join(parts) if parts else ""


def quantized_table(results):
    rows = results.get("quantized", [])
    if not rows:
        return ""
    floats = {(row["title"], row["threads"]): p50(row, "sardonyx") for row in results["rows"]}
    lines = []
    for row in rows:
        ours, plain = p50(row, "sardonyx"), floats.get((row["of"], row["threads"]))
        lines.append([row["title"], row["threads"], milliseconds(ours),
                      milliseconds(p50(row, "onnxruntime")), number(ratio(row, "onnxruntime")),
                      milliseconds(p50(row, EXACT_REFERENCE)), number(ratio(row, EXACT_REFERENCE)),
                      number(plain / ours if plain and ours else None)])
    text = ("## 8-bit models\n\nMade by `onnxruntime.quantization`; outputs agree to a cosine of "
            "0.999 or more with those of\nONNX Runtime on the same file, asked to be exact "
            "(`session.x64quantprecision`): without VNNI its sums saturate at 16\nbits otherwise.\n\n"
            + table(["model", "threads", "Sardonyx ms", "ONNX Runtime ms", "×", "exact ms", "×",
                     "our f32 / ours"], lines))
    differing = [f"- {row['title']}, {row['threads']} threads: {found['differs']}" for row in rows
                 if "differs" in (found := row["contenders"].get(REFERENCE, {}))]
    if differing:
        text += ("\n\nWhere ONNX Runtime, not asked to be exact, gives another answer:\n\n"
                 + "\n".join(differing))
    return text


def tiles_table(results):
    rows = []
    for row in results.get("tiles", []):
        times = [milliseconds(p50(row, name)) for name in ("sardonyx_fma", "sardonyx")]
        rows.append([row["title"], row["threads"], *times,
                     number(ratio(row, "sardonyx_fma")),
                     number(ratio(row, "onnxruntime", ours="sardonyx_fma"))])
    if not rows:
        return ""
    return ("## f32 by the tiles of AMX\n\nWhat they do for f32: beside them, multiply-adds "
            "(`sardonyx.tier` = `amx`), as on a machine without; p50 in ms. Tiles are shared with "
            "what else runs on the same core.\n\n" +
            table(["model", "threads", "multiply-adds", "tiles", "multiply-adds / tiles",
                   "ONNX Runtime / multiply-adds"], rows))


def small_tables(results):
    parts = []
    tiny = results.get("tiny", {})
    if tiny:
        names = [name for name in ("cpp", *CONTENDERS) if name in tiny]
        parts.append("### One Relu on 4 floats\n\n" + table(
            ["contender", "µs per run"],
            [["Sardonyx, C++ (clock included)" if name == "cpp" else f"{title_of(name)}, Python",
              number(tiny[name], "{:.2f}", 1e6)] for name in names]))
    if results.get("concurrent"):
        parts.append("### Two callers of one session\n\nRuns per second, one thread inside each "
                     "run.\n\n" + table(
                         ["model", "contender", "1 caller", "2 callers", "×"],
                         [[run["title"], title_of(run["contender"]), number(run["one"], "{:.1f}"),
                           number(run["two"], "{:.1f}"), number(run["ratio"])]
                          for run in results["concurrent"]], texts=2))
    if results.get("shapes"):
        parts.append(shape_table(results))
    if results.get("library_bytes"):
        parts.append(f"`libsardonyx.so`, stripped: {results['library_bytes'] / MB:.2f} MB.")
    return "## Overheads\n\n" + "\n\n".join(parts) if parts else ""


def shape_table(results):
    rows = []
    for run in results["shapes"]:
        steps = run["rows"]
        fits = sum(row["first"] <= 3 * row["steady"] + 0.002 for row in steps)
        worst = max(steps, key=lambda row: row["first"] - 3 * row["steady"])
        resident = [number(steps[int(len(steps) * part) - 1]["resident"], "{:.0f}", 1 / MB)
                    for part in (0.25, 0.5, 0.75, 1)]
        rows.append([run["title"], title_of(run["contender"]), f"{fits} of {len(steps)}",
                     f"{milliseconds(worst['first'])} / {milliseconds(worst['steady'])}",
                     *resident])
    return ("### Random shapes\n\nFirst runs within 3 × the steady time + 2 ms, the worst of "
            "them, and resident MB after each quarter.\n\n" + table(
                ["model", "contender", "within", "worst first / steady ms", "25%", "50%", "75%",
                 "100%"], rows, texts=2))


def cut(name, longest=60):
    """Names of fused nodes can fill a page; their end says most."""
    return name if len(name) <= longest else "…" + name[-longest:]


def worst_table(results):
    rows = []
    for row in race_rows(results, results["settings"]["threads"][0]):
        rows += [[row["title"], f"`{cut(node['node'])}`", node["kernel"],
                  *(number(node[key], "{:.0f}%", 100)
                    for key in ("of_run", "of_flops", "of_bandwidth"))]
                 for node in row.get("worst_nodes", [])]
    if not rows:
        return ""
    return ("## Worst nodes\n\nThose that lose most time against the roofline (the larger of work "
            "/ FMA peak and bytes / bandwidth of memory), one thread. More than 100% of the "
            "bandwidth: the bytes were in a cache.\n\n"
            + table(["model", "node", "kernel", "of the run", "of the FMA peak",
                     "of the bandwidth"], rows, texts=3))


def agreement(results):
    rows, problems = [], []
    names = [name for name in CONTENDERS if name != REFERENCE and any(
        name in row["contenders"] for row in results["rows"])]
    for row in first_threads(results):
        rows.append([row["title"], *(
            number(of(row, name, "of_bar"), "{:.4f}") + (" (own)" if of(row, name, "bar") else "")
            for name in names)])
    for row in every_row(results):
        problems += [f"- {row['title']}, {symbols_text(row['symbols'])}, {row['threads']} threads, "
                     f"{title_of(name)}: {found['problem']}"
                     for name, found in row["contenders"].items() if "problem" in found]
    text = ("## Agreement\n\nThe largest difference from ONNX Runtime as a share of what is "
            "allowed; 1 is the bar. \"own\": ONNX Runtime with and without its optimisations "
            "differs by more than the bar from itself, and the bar is 3 times that.\n\n"
            + table(["model", *map(title_of, names)], rows))
    if problems:
        text += "\n\nNot timed, and not in any mean:\n\n" + "\n".join(problems)
    return text


def every_row(results):
    return (results["rows"] + results.get("quantized", [])
            + [row for sweep in results.get("sweeps", []) for row in sweep["rows"]])


def behind_list(results, notes):
    """Every row in which a peer of the same precision is ahead, and what the notes say of it."""
    lines = [f"- {row['title']}, {row['threads']} thread{'s' * (row['threads'] > 1)}: "
             f"{title_of(peer)} takes {value:.2f} of our time"
             for row in results["rows"] for peer in PEERS if peer not in MAY_DIFFER
             if (value := ratio(row, peer)) is not None and value < 1]
    return "\n\n".join(["## Where a peer is ahead", "\n".join(lines) or "Nowhere in the big table.",
                        notes.strip()]).strip()


def report(results, notes=""):
    parts = [head(results)]
    if results.get("chart"):
        parts.append(f"![Latency of the contenders, Sardonyx = 1]({results['chart']})")
    if not results["settings"]["complete"]:
        parts.append("**Part of the models or of the measurements, or too few rounds: no benchmark "
                     "to quote.**")
    parts += [bar_table(results), latency_tables(results), behind_list(results, notes),
              start_table(results),
              memory_table(results), thread_table(results), quantized_table(results),
              tiles_table(results), sweep_tables(results), small_tables(results), worst_table(results),
              agreement(results)]
    return "\n\n".join(part for part in parts if part) + "\n"
