"""The arithmetic of tests/bench: means, ratios, bars, and what reaches the report."""

import copy
import os
import sys

import numpy as np
import pytest

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench")
sys.path.insert(0, BENCH)
import arithmetic  # noqa: E402
import bars  # noqa: E402
import chart  # noqa: E402
import contenders  # noqa: E402
import race  # noqa: E402
import report  # noqa: E402
import worker  # noqa: E402

MEMORY = {"loaded": 110e6, "first": 120e6, "peak": 130e6}


def timed(p50, **rest):
    return {"p50": p50, "load": 0.01, "first": 0.02, "memory": dict(MEMORY), "precision": "f32",
            **rest}


def make_row(title, threads, ours, onnxruntime, openvino, **rest):
    return {"model": title.lower(), "title": title, "group": "race", "bars": {}, "threads": threads,
            "symbols": {"N": 1}, "file_bytes": 100e6, "arena_bytes": 5e6, "peak": [100e9, 300e9],
            "flops": 1e9, "contenders": {"sardonyx": timed(ours),
                                         "onnxruntime": timed(onnxruntime, load=0.04),
                                         "openvino": timed(openvino, of_bar=0.25)}, **rest}


@pytest.fixture
def results():
    rows = [make_row("Alpha", 1, [0.010, 0.020, 0.010], [0.020, 0.040, 0.020], [0.010] * 3),
            make_row("Alpha", 2, [0.005] * 3, [0.020] * 3, [0.010] * 3),
            make_row("Beta", 1, [0.004] * 3, [0.002] * 3, [0.008] * 3),
            make_row("Beta", 2, [0.004] * 3, [0.002] * 3, [0.008] * 3)]
    return {"date": "2000-01-02", "commit": "abc", "rows": rows, "library_bytes": 9e6,
            "machine": {"processor": "Abacus", "cores": 2, "tier": "avx2", "memory_gb": 4,
                        "system": "Linux"},
            "versions": {"sardonyx": "1", "onnxruntime": "2", "openvino": "3", "python": "4"},
            "settings": {"threads": [1, 2], "rounds": 3, "seconds": 1, "load": [0, 1],
                         "complete": True}}


def bar_named(results, start):
    found = [bar for bar in bars.all_bars(results) if bar.title.startswith(start)]
    assert len(found) == 1, [bar.title for bar in found]
    return found[0]


def test_geomean():
    assert arithmetic.geomean([1, 4]) == pytest.approx(2)
    assert arithmetic.geomean([0.5, 2, 8]) == pytest.approx(2)
    assert arithmetic.geomean([]) is None
    with pytest.raises(ValueError):
        arithmetic.geomean([1, 0])


def test_rounds_are_joined_by_medians():
    rounds = [{"times": times, "load": load, "first": 1, "precision": "f32",
               "memory": {"peak": peak}}
              for times, load, peak in (([3, 1, 2], 5, 10), ([9, 9, 1], 1, 30), ([4], 3, 20))]
    joined = arithmetic.join_rounds(rounds)
    assert joined["p50"] == [2, 9, 4] and joined["runs"] == 7
    assert joined["load"] == 3 and joined["memory"]["peak"] == 20


def test_ratio_is_that_of_neighbours_in_a_round(results):
    # The second round was slow for both; of the medians alone this would be hidden.
    assert arithmetic.ratio(results["rows"][0], "onnxruntime") == pytest.approx(2)
    row = make_row("X", 1, [1, 10, 10], [2, 15, 40], [1, 1, 1])
    assert arithmetic.ratio(row, "onnxruntime") == pytest.approx(2)
    assert arithmetic.p50(row, "onnxruntime") == 15
    assert arithmetic.ratio(row, "onnxruntime", key="load") == pytest.approx(4)
    assert arithmetic.ready_ratio(row, "onnxruntime") == pytest.approx(2)
    assert arithmetic.ready_ratio(row, "openvino_default") is None


def test_what_disagreed_or_did_not_run_has_no_ratio(results):
    row = results["rows"][0]
    assert arithmetic.ratio(row, "openvino_default") is None
    row["contenders"]["openvino"]["problem"] = "differs"
    assert arithmetic.ratio(row, "openvino") is None
    assert "Alpha" not in arithmetic.ratios(results["rows"][:1], "openvino")


def test_share_of_peak(results):
    assert arithmetic.share_of_peak(results["rows"][1]) == pytest.approx(1e9 / 0.005 / 200e9)


def test_worst_growth():
    assert arithmetic.worst_growth([4, 3, 2]) == 1
    assert arithmetic.worst_growth([4, 2, 3, 2.5]) == pytest.approx(1.5)


def test_worst_nodes_are_those_that_lose_most_time():
    node = {"op": "Conv", "kernel": "k"}
    nodes = [
        {**node, "node": "long but at the peak", "seconds": 6.0, "flops": 600.0, "bytes": 1.0},
        {**node, "node": "bound by memory", "seconds": 3.0, "flops": 0.0, "bytes": 30.0},
        {**node, "node": "slow", "seconds": 1.0, "flops": 50.0, "bytes": 1.0}]
    profile = {"peak_flops": 100.0, "peak_bytes_per_second": 10.0, "profiled_seconds": 10.0,
               "nodes": nodes}
    worst = arithmetic.worst_nodes(profile, 1)[0]
    assert worst["node"] == "slow"
    assert worst["of_run"] == pytest.approx(0.1) and worst["of_flops"] == pytest.approx(0.5)


def test_bars_say_by_how_much_they_are_missed(results):
    assert bar_named(results, "latency, geomean, ONNX Runtime / Sardonyx, 1").value == (
        pytest.approx(1))
    worst = bar_named(results, "latency, worst model, ONNX Runtime / Sardonyx, 1")
    assert worst.value == pytest.approx(0.5) and worst.verdict == "missed by 50%"
    assert worst.note == "Beta"
    # Beta takes less than 5 ms, so that its second thread does not count.
    assert bar_named(results, "second thread").verdict == "reached"
    assert bar_named(results, "session creation").value == pytest.approx(4)
    assert bar_named(results, "resident after load").verdict == "reached"
    assert bar_named(results, "the same after the first run").value == pytest.approx(115)
    assert bar_named(results, "peak beyond").value == pytest.approx(25)
    assert bar_named(results, "libsardonyx.so").verdict == "missed by 12%"


def test_outputs_are_not_memory_of_a_model(results):
    for row in results["rows"]:
        row["contenders"]["sardonyx"]["memory"]["outputs"] = 6e6
    assert bar_named(results, "resident after load").value == pytest.approx(110)
    assert bar_named(results, "the same after the first run").value == pytest.approx(109)


def test_resident_counts_what_is_touched_and_no_libraries():
    before = worker.read_resident()
    block = np.ones(4_000_000)
    grown = worker.read_resident() - before
    assert block.nbytes <= grown < block.nbytes + 4e6
    assert before + 1e6 < worker.read_status("VmRSS")  # numpy and others are shared libraries


def test_own_bars_of_models(results):
    results["rows"][0]["bars"] = {"onnxruntime": 2.5}
    assert bar_named(results, "Alpha, ONNX Runtime").verdict == "missed by 20%"


def test_random_shapes(results):
    steps = [{"symbols": {}, "first": 0.005, "steady": 0.001, "resident": 50e6}] * 3
    last = [{"symbols": {}, "first": 0.010, "steady": 0.001, "resident": 53e6}]
    results["shapes"] = [{"title": "Alpha", "contender": "sardonyx", "rows": steps + last}]
    assert bar_named(results, "Alpha: first run").value == pytest.approx(2)
    assert bar_named(results, "Alpha: memory").value == pytest.approx(3)
    assert "3 of 4" in report.report(results)


def test_sweeps_count_time_per_item(results):
    rows = [make_row("Alpha", 1, [seconds], [1], [1], symbols={"N": count})
            for count, seconds in ((1, 0.010), (2, 0.018), (4, 0.054))]
    results["sweeps"] = [{"title": "Alpha", "kind": "batch", "rows": rows}]
    assert bar_named(results, "Alpha, batch").value == pytest.approx(1.5)
    for row in rows:
        row["symbols"] = {"N": row["symbols"]["N"], "T": 8}
    results["sweeps"] = [{"title": "Alpha", "kind": "tokens", "rows": rows}]
    assert bar_named(results, "Alpha, T and batch, worst, ONNX").value == pytest.approx(1 / 0.054)


def test_quantized_beside_our_own_floats(results):
    results["quantized"] = [make_row("Alpha, QDQ", 1, [0.020], [0.030], [1], of="Alpha")]
    assert bar_named(results, "8-bit models, geomean").value == pytest.approx(1.5)
    assert bar_named(results, "8-bit models, worst").value == pytest.approx(0.5)


def test_quantized_where_the_reference_saturates(results):
    row = make_row("Alpha, QDQ", 1, [0.020], [0.018], [1], of="Alpha")
    row["contenders"]["onnxruntime_exact"] = timed([0.024])
    results["quantized"] = [row]
    assert not [bar for bar in bars.all_bars(results) if "the same answer" in bar.title]
    row["contenders"]["onnxruntime"]["differs"] = "output 0: cosine 0.9"
    assert bar_named(results, "8-bit models, geomean").value == pytest.approx(0.9)
    assert bar_named(results, "the same, ONNX Runtime asked").value == pytest.approx(1.2)
    text = report.quantized_table(results)
    assert "output 0: cosine 0.9" in text and "| 24.0 | 1.20 |" in text


class FakeRace(race.Race):
    """Outputs that are at hand."""

    def __init__(self, outputs):
        self.outputs = outputs

    def outputs_path(self, contender):
        return contender

    def model_path(self, model):
        return model["name"]


def test_exact_outputs_are_what_8_bit_models_are_compared_with(monkeypatch):
    exact, saturated = np.float32([1, 2, 3]), np.float32([3, 1, 2])
    outputs = {"sardonyx": [exact], "onnxruntime": [saturated], "onnxruntime_exact": [exact]}
    monkeypatch.setattr(race, "load_outputs", lambda path: outputs[path])
    found = {name: {"rounds": []} for name in outputs}
    FakeRace(outputs).compare_outputs({"name": "a", "source": "quantized"}, "", 1, found)
    assert "problem" not in found["sardonyx"] and "differs" not in found["sardonyx"]
    assert "cosine" in found["onnxruntime"]["differs"]
    outputs["sardonyx"] = [saturated]
    FakeRace(outputs).compare_outputs({"name": "a", "source": "quantized"}, "", 1, found)
    assert "cosine" in found["sardonyx"]["problem"]


def test_tables_have_a_cell_for_each_column(results):
    results["tiny"] = {"sardonyx": 2e-6, "cpp": 4e-7, "onnxruntime": 5e-6}
    results["concurrent"] = [{"title": "Alpha", "contender": "sardonyx", "one": 10, "two": 19,
                              "ratio": 1.9}]
    results["rows"].append(make_row("Gamma", 1, [1], [1], [1], group="more"))
    text = report.report(results)
    widths = []
    for line, before in zip(text.splitlines()[1:], text.splitlines()):
        if line.startswith("|"):
            widths = [line.count("|")] if not before.startswith("|") else widths
            assert line.count("|") == widths[0], line
    for words in ("Abacus", "| Alpha | 1 | 10.0 | 20.0 | 2.00 | 10.0 | 1.00 |", "Gamma", "1.60",
                  "**geometric mean**", "0.2500"):
        assert words in text, words


def test_a_disagreement_is_told_and_not_timed(results):
    results["rows"][0]["contenders"]["openvino"] = {"problem": "7 values differ"}
    results["rows"][0]["contenders"]["sardonyx"] = {"problem": "killed by signal 11"}
    text = report.report(results)
    assert "- Alpha, N=1, 1 threads, OpenVINO f32: 7 values differ" in text
    assert "killed by signal 11" in text
    assert "| Alpha | 1 | – |" in text


def test_models_on_which_a_peer_is_ahead_are_listed(results):
    text = report.report(results, "Beta is small.")
    assert ("- Beta, 1 thread: ONNX Runtime takes 0.50 of our time\n"
            "- Beta, 2 threads: ONNX Runtime takes 0.50 of our time\n\nBeta is small.") in text
    assert "Alpha, 1 thread: " not in text


def test_a_part_is_marked_as_one(results):
    whole = copy.deepcopy(results)
    results["settings"]["complete"] = False
    assert "no benchmark to quote" in report.report(results)
    assert "no benchmark to quote" not in report.report(whole)


def test_chart_shows_the_mean_first_and_gaps(results):
    del results["rows"][0]["contenders"]["openvino"]
    titles, found = chart.speedups(results, 1)
    assert titles == ["geometric mean", "Alpha", "Beta"]
    assert found["onnxruntime"] == pytest.approx([1, 2, 0.5])
    assert found["openvino"][1] is None and found["openvino"][0] == pytest.approx(2)


def test_outputs_are_compared():
    value = np.array([1, 2], np.float32)
    assert race.compare([value], [value]) == (0, None)
    assert race.compare([value * np.float32(1.0005)], [value])[1] is None
    assert race.compare([value * np.float32(1.002)], [value])[1]
    assert race.compare([value, value], [value])[1]
    assert race.compare_quantized([value * 2], [value])[1] is None
    assert race.compare_quantized([value[::-1]], [value])[1]
    assert race.compare_quantized([value * np.nan], [value])[1]


def test_every_model_of_the_list_can_be_found():
    models = race.read_models()
    assert len({model["name"] for model in models}) == len(models)
    assert all(model["inputs"] and model["cases"]["main"] is not None for model in models)
    assert sum(model["group"] == "race" for model in models) == 15
    with pytest.raises(ValueError, match="nothing_like_it"):
        race.read_models(["nothing_like_it"])


def test_a_process_that_fails_is_an_error_with_its_last_line():
    with pytest.raises(race.Failed, match="exit code 3: gone"):
        race.run_json([sys.executable, "-c", "import sys; print('gone', file=sys.stderr); "
                       "sys.exit(3)"])
    assert race.run_json([sys.executable, "-c", "print('said'); print('{\"a\": 1}')"]) == {"a": 1}
    assert race.run_json([sys.executable, "-c", "print('{\\n \"a\": 1\\n}')"]) == {"a": 1}


def test_every_contender_that_races_is_known():
    assert set(contenders.RACING) < set(contenders.CONTENDERS)
    assert contenders.REFERENCE in contenders.RACING


def test_bars_of_bf16(results):
    row = make_row("Beta", 1, [0.004] * 3, [0.002] * 3, [0.008] * 3)
    row["contenders"] = {"sardonyx": timed([0.004] * 3), "sardonyx_bf16": timed([0.002] * 3)}
    results["bf16"] = [{**row, "cosine": 0.9995}]
    faster, close = bars.bf16_bars(results)
    assert faster.value == pytest.approx(2) and faster.is_reached
    assert close.is_reached and close.note == "1 − 5.0e-04"
    row["contenders"]["sardonyx_bf16"] = {"problem": "no bf16 here"}
    results["bf16"] = [row]
    faster, close = bars.bf16_bars(results)
    assert (faster.verdict, faster.note) == ("not measured", "no bf16 here")
    assert close.verdict == "not measured"
