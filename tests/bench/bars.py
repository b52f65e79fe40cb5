"""The bars that this project sets itself, as rows of the report: all_bars(results) -> [Bar]."""

from arithmetic import (Bar, geomean, p50, ratio, ratios, second_thread, share_of_peak,
                        worst_growth)
from contenders import EXACT_REFERENCE, REFERENCE

SECOND_THREAD_FROM = 0.005  # seconds with one thread
MB = 1e6


def race_rows(results, threads=None):
    return [row for row in results["rows"] if row["group"] == "race"
            and threads in (None, row["threads"])]


def list_models(found):
    return ", ".join(f"{title} {value:.2f}" for title, value in
                     sorted(found.items(), key=lambda item: item[1]))


def latency_bars(results):
    bars = []
    for peer, name, wanted in (("onnxruntime", "ONNX Runtime", 1.5), ("openvino", "OpenVINO f32",
                                                                      1.2)):
        for threads in results["settings"]["threads"]:
            found = ratios(race_rows(results, threads), peer)
            behind = {title: value for title, value in found.items() if value < 1}
            text = f"{threads} thread" + "s" * (threads > 1)
            bars.append(Bar(f"latency, geomean, {name} / Sardonyx, {text}", wanted,
                            geomean(found.values()),
                            note=f"{len(found)} models" + (f"; behind: {list_models(behind)}"
                                                           if behind else "")))
            if peer == "onnxruntime":
                bars.append(Bar(f"latency, worst model, {name} / Sardonyx, {text}", 1,
                                min(found.values(), default=None),
                                note=min(found, key=found.get, default="")))
    return bars


def model_bars(results):
    """Models with a bar of their own."""
    return [Bar(f"{row['title']}, ONNX Runtime / Sardonyx, {row['threads']} thread"
                + "s" * (row["threads"] > 1), row["bars"]["onnxruntime"],
                ratio(row, "onnxruntime"))
            for row in race_rows(results) if "onnxruntime" in row.get("bars", {})]


def peak_bars(results):
    return [Bar("MobileNetV2, share of the FMA peak, 1 thread", 75, 100 * share, "%")
            for row in race_rows(results, 1) if row["model"] == "mobilenet_v2"
            for share in [share_of_peak(row)] if share]


def second_thread_bars(results):
    long_ones = [row for row in race_rows(results)
                 if any(other["title"] == row["title"] and other["threads"] == 1
                        and (p50(other, "sardonyx") or 0) > SECOND_THREAD_FROM
                        for other in results["rows"])]
    found = second_thread(long_ones)
    behind = {title: value for title, value in found.items() if value < 1.8}
    return [Bar("second thread, worst model above 5 ms", 1.8, min(found.values(), default=None),
                note=f"below: {list_models(behind)}" if behind else "")]


def start_bars(results):
    found = ratios(race_rows(results, 1), "onnxruntime", key="load")
    behind = {title: value for title, value in found.items() if value < 3}
    return [Bar("session creation, worst model, ONNX Runtime / Sardonyx", 3,
                min(found.values(), default=None),
                note=f"below: {list_models(behind)}" if behind else "")]


def memory_bars(results):
    """After loading: beside the file, which is nearly all weights. Weights that are mapped and
    packed later count after the first run. Peak: beyond what it needs. Pages of the library itself
    count only in the peak."""
    loaded, packed, peak = {}, {}, {}
    for row in race_rows(results, 1):
        memory = row["contenders"].get("sardonyx", {}).get("memory")
        if not memory:
            continue
        loaded[row["title"]] = 100 * memory["loaded"] / row["file_bytes"]
        if "arena_bytes" in row:
            packed[row["title"]] = 100 / row["file_bytes"] * (
                memory["first"] - row["arena_bytes"] - memory.get("outputs", 0))
            peak[row["title"]] = (memory["peak"] - row["file_bytes"] - row["arena_bytes"]) / MB
    return [Bar("resident after load, worst model, share of the file", 115,
                max(loaded.values(), default=None), "%", True,
                max(loaded, key=loaded.get, default="")),
            Bar("the same after the first run, without planned activations and outputs", 115,
                max(packed.values(), default=None), "%", True, max(packed, key=packed.get,
                                                                   default="")),
            Bar("peak beyond file and planned activations, worst model", 20,
                max(peak.values(), default=None), " MB", True, max(peak, key=peak.get, default=""))]


def shape_bars(results):
    bars = []
    for run in results.get("shapes", []):
        if run["contender"] != "sardonyx":
            continue
        shares = [row["first"] / (3 * row["steady"] + 0.002) for row in run["rows"]]
        bars.append(Bar(f"{run['title']}: first run of a new shape / (3 × steady + 2 ms), worst", 1,
                        max(shares[1:]), at_most=True))
        bars.append(Bar(f"{run['title']}: the same of the session's very first run", 1, shares[0],
                        at_most=True, note="weights are packed"))
        half = len(run["rows"]) // 2
        growth = (max(row["resident"] for row in run["rows"][half:])
                  - max(row["resident"] for row in run["rows"][:half])) / MB
        bars.append(Bar(f"{run['title']}: memory grown over the second half of "
                        f"{len(run['rows'])} random shapes", 1, growth, " MB", True))
    return bars


def small_bars(results):
    bars = []
    tiny = results.get("tiny", {})
    if "cpp" in tiny:
        bars.append(Bar("Relu on 4 floats, C++", 0.4, tiny["cpp"] * 1e6, " µs", True))
        bars.append(Bar("the same, Python beyond C++", 2, (tiny["sardonyx"] - tiny["cpp"]) * 1e6,
                        " µs", True))
    for run in results.get("concurrent", []):
        if run["contender"] == "sardonyx":
            bars.append(Bar(f"{run['title']}: runs per second of 2 callers / of 1", 1.9,
                            run["ratio"]))
    if results.get("library_bytes"):
        bars.append(Bar("libsardonyx.so, stripped", 8, results["library_bytes"] / MB, " MB", True))
    return bars


def items_per_run(symbols):
    """What "an item" is at these symbols: a picture of the batch, a pixel, a token."""
    count = 1
    for value in symbols.values():
        count *= value
    return count


def seconds_per_item(rows, contender="sardonyx"):
    """-> threads -> seconds per item, in the order of the sweep; complete ones only."""
    found = {}
    for row in rows:
        found.setdefault(row["threads"], []).append(
            (p50(row, contender), items_per_run(row["symbols"])))
    return {threads: [seconds / items for seconds, items in pairs]
            for threads, pairs in found.items() if all(seconds for seconds, _ in pairs)}


def sweep_bars(results):
    bars = []
    for sweep in results.get("sweeps", []):
        if sweep["kind"] == "tokens":
            for peer, name in (("onnxruntime", "ONNX Runtime"), ("openvino", "OpenVINO f32")):
                found = [value for row in sweep["rows"]
                         if (value := ratio(row, peer)) is not None]
                bars.append(Bar(f"{sweep['title']}, T and batch, worst, {name} / Sardonyx", 1,
                                min(found, default=None)))
            continue
        for threads, items in seconds_per_item(sweep["rows"]).items():
            bars.append(Bar(f"{sweep['title']}, {sweep['kind']}: most that time per item grows, "
                            f"{threads} thread" + "s" * (threads > 1), 1.03,
                            worst_growth(items), at_most=True,
                            note="3% for the spread of times"))
    return bars


def quantized_bars(results):
    floats = {(row["title"], row["threads"]): p50(row, "sardonyx") for row in results["rows"]}
    bars = []
    for threads in results["settings"]["threads"]:
        rows = [row for row in results.get("quantized", []) if row["threads"] == threads]
        found = ratios(rows, "onnxruntime")
        own = {row["title"]: floats[row["of"], threads] / p50(row, "sardonyx") for row in rows
               if floats.get((row["of"], threads)) and p50(row, "sardonyx")}
        text = f"{threads} thread" + "s" * (threads > 1)
        if found:
            bars.append(Bar(f"8-bit models, geomean, ONNX Runtime / Sardonyx, {text}", 1.3,
                            geomean(found.values()), note=list_models(found)))
        if any("differs" in row["contenders"].get(REFERENCE, {}) for row in rows):
            exact = ratios(rows, EXACT_REFERENCE)
            bars.append(Bar(f"the same, ONNX Runtime asked for the same answer, {text}", 1.3,
                            geomean(exact.values()), note=list_models(exact)))
        if own:
            bars.append(Bar(f"8-bit models, worst, our f32 / ours, {text}", 1, min(own.values()),
                            note=min(own, key=own.get)))
    return bars


def bf16_bars(results):
    bars = []
    for row in results.get("bf16", []):
        text = f"{row['title']} in bf16, {row['threads']} thread" + "s" * (row["threads"] > 1)
        problem = row["contenders"]["sardonyx_bf16"].get("problem", "")
        bars.append(Bar(f"{text}, our f32 / ours", 1.6,
                        ratio(row, "sardonyx", ours="sardonyx_bf16"), note=problem))
        cosine = row.get("cosine")
        bars.append(Bar(f"{text}, cosine of the outputs", 0.999, cosine, "",
                        note="" if cosine is None else f"1 − {1 - cosine:.1e}"))
    return bars


def all_bars(results):
    return [bar for family in (latency_bars, model_bars, peak_bars, second_thread_bars, start_bars,
                               memory_bars, shape_bars, small_bars, sweep_bars, quantized_bars,
                               bf16_bars)
            for bar in family(results)]
