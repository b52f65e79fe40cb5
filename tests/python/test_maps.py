"""Maps as Python has them: dicts into DictVectorizer and CastMap, a list of dicts out of ZipMap."""
import numpy as np
import onnx
import pytest
import sardonyx
from onnx import TensorProto, helper

F32 = helper.make_tensor_type_proto(TensorProto.FLOAT, None)


def session(op, given, result, **attrs):
    node = helper.make_node(op, ["x"], ["y"], domain="ai.onnx.ml", **attrs)
    graph = helper.make_graph([node], "g", [helper.make_value_info("x", given)],
                              [helper.make_value_info("y", result)])
    model = helper.make_model(graph, ir_version=8, opset_imports=[
        helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)])
    return sardonyx.InferenceSession(model.SerializeToString())


def map_type(key, value=TensorProto.FLOAT):
    return helper.make_map_type_proto(key, helper.make_tensor_type_proto(value, None))


@pytest.mark.parametrize("labels", [[7, -5, 6], ["red", "green", "blue"]])
def test_zip_map_gives_dicts(labels):
    words = isinstance(labels[0], str)
    key = TensorProto.STRING if words else TensorProto.INT64
    attrs = {"classlabels_strings" if words else "classlabels_int64s": labels}
    run = session("ZipMap", F32, helper.make_sequence_type_proto(map_type(key)), **attrs)
    assert run.get_outputs()[0].type == f"seq(map({'string' if words else 'int64'},tensor(float)))"
    x = np.arange(6, dtype=np.float32).reshape(2, 3) / 3
    (got,) = run.run(None, {"x": x})
    assert got == [dict(zip(labels, row.tolist())) for row in x]
    assert [list(each) for each in got] == [sorted(labels)] * 2
    assert all(type(value) is float for value in got[0].values())
    (value,) = run.run_with_ort_values(None, {"x": sardonyx.OrtValue.ortvalue_from_numpy(x)})
    assert value.to_python() == got
    assert run.run(None, {"x": x[:0]}) == [[]]


@pytest.mark.parametrize("key, value, given, vocabulary, want", [
    (TensorProto.STRING, TensorProto.FLOAT, {"a": 4, "c": 8.5}, ["a", "c", "b"], [[4, 8.5, 0]]),
    (TensorProto.STRING, TensorProto.INT64, {"a": 4, "q": 1}, ["c", "a"], [[0, 4]]),
    (TensorProto.STRING, TensorProto.DOUBLE, {}, ["c", "a"], [[0, 0]]),
    (TensorProto.INT64, TensorProto.FLOAT, {7: 0.5}, [1, 7], [[0, 0.5]]),
    (TensorProto.INT64, TensorProto.STRING, {7: "x"}, [1, 7], [["", "x"]]),
])
def test_dict_vectorizer_takes_a_dict(key, value, given, vocabulary, want):
    name = "string_vocabulary" if key == TensorProto.STRING else "int64_vocabulary"
    run = session("DictVectorizer", map_type(key, value),
                  helper.make_tensor_type_proto(value, None), **{name: vocabulary})
    (got,) = run.run(None, {"x": given})
    assert got.tolist() == want
    assert got.dtype == helper.tensor_dtype_to_np_dtype(value)


def test_cast_map_sorts_by_key():
    run = session("CastMap", map_type(TensorProto.INT64), F32)
    assert run.run(None, {"x": {3: 1.5, -1: 2.0}})[0].tolist() == [[2.0, 1.5]]
    with pytest.raises(ValueError, match="'a'"):
        run.run(None, {"x": {"a": 1.5}})


def test_a_map_is_asked_for():
    run = session("CastMap", map_type(TensorProto.INT64), F32)
    with pytest.raises(Exception, match=r"map\(int64,tensor\(float\)\)"):
        run.run(None, {"x": np.zeros(2, np.float32)})
