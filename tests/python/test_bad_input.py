"""What is wrong with a file or a value is said once, clearly, by the right exception."""

import numpy as np
import pytest
import tiny_models
from bad_files import BAD_FILES
from onnx import TensorProto, helper, numpy_helper

import sardonyx as ort


@pytest.mark.parametrize("name", BAD_FILES)
@pytest.mark.parametrize("from_file", [False, True])
def test_bad_file(tmp_path, name, from_file):
    content, exceptions, words = BAD_FILES[name]
    source = content
    if from_file:
        source = tmp_path / "bad.onnx"
        source.write_bytes(content)
    with pytest.raises(ort.Error) as caught:
        ort.InferenceSession(source)
    assert type(caught.value).__name__ in exceptions, caught.value
    for word in words:
        assert word.lower() in str(caught.value).lower(), str(caught.value)


def test_no_such_file():
    with pytest.raises(ort.NoSuchFile, match="nowhere.onnx"):
        ort.InferenceSession("nowhere.onnx")


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(ort.Error, match="folder|directory|regular file"):
        ort.InferenceSession(tmp_path)


def test_truncation_at_every_length_raises():
    good = tiny_models.add()
    for length in range(len(good)):
        try:
            ort.InferenceSession(good[:length])
        except ort.Error as error:
            assert str(error)


def test_flipping_any_bit_raises_or_loads():
    good = tiny_models.matmul(np.ones((3, 2), np.float32))
    x = np.ones((2, 3), np.float32)
    for index in range(len(good)):
        for bit in range(8):
            bad = bytearray(good)
            bad[index] ^= 1 << bit
            try:
                session = ort.InferenceSession(bytes(bad))
                session.run(None, {session.get_inputs()[0].name: x})
            except (ort.Error, ValueError, UnicodeDecodeError) as error:
                assert str(error)


def test_missing_external_data(tmp_path):
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3, 2],
                          data_location=TensorProto.EXTERNAL)
    for key, value in (("location", "weights.bin"), ("offset", "0"), ("length", "24")):
        weights.external_data.add(key=key, value=value)
    model = tiny_models.to_bytes([helper.make_node("MatMul", ["x", "w"], ["z"])],
                                 [tiny_models.value("x")],
                                 [tiny_models.value("z", shape=("N", 2))], [weights])
    path = tmp_path / "model.onnx"
    path.write_bytes(model)
    with pytest.raises(ort.Error, match="weights.bin"):
        ort.InferenceSession(path)
    (tmp_path / "weights.bin").write_bytes(np.ones((3, 2), np.float32).tobytes())
    x = np.ones((1, 3), np.float32)
    np.testing.assert_array_equal(ort.InferenceSession(path).run(None, {"x": x})[0], [[3, 3]])


def test_memory_limit_at_load():
    options = ort.SessionOptions()
    options.memory_limit = 1000
    with pytest.raises(ort.Error, match="memory limit of 1000 bytes: 40000 more are needed, 0 are in"
                                        " use; the largest is 'w', 40000 bytes, of MatMul 'mm0'"):
        ort.InferenceSession(tiny_models.matmul(np.ones((100, 100), np.float32)), options)


def test_memory_limit_at_run():
    options = ort.SessionOptions()
    options.memory_limit = 100000
    weights = numpy_helper.from_array(np.ones((3, 64), np.float32), "w")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"], name="widest"),
             helper.make_node("Transpose", ["a"], ["b"]),
             helper.make_node("Transpose", ["b"], ["c"]),
             helper.make_node("Add", ["a", "c"], ["y"])]
    model = tiny_models.to_bytes(nodes, [tiny_models.value("x")],
                                 [tiny_models.value("y", shape=("N", 64))], [weights])
    session = ort.InferenceSession(model, options)
    session.run(None, {"x": np.ones((8, 3), np.float32)})
    with pytest.raises(ort.Error, match=r"memory limit of 100000 bytes: \d+ more are needed for"
                                        r" activations, \d+ are in use; the largest part is for"
                                        r" MatMul 'widest', 25600000 bytes"):
        session.run(None, {"x": np.ones((100000, 3), np.float32)})
    session.run(None, {"x": np.ones((8, 3), np.float32)})


def test_nesting_limit():
    body = helper.make_graph([helper.make_node("Relu", ["x"], ["r0"])], "b0", [],
                             [tiny_models.value("r0")])
    for depth in range(1, 20):
        node = helper.make_node("If", ["c"], [f"r{depth}"], then_branch=body, else_branch=body)
        body = helper.make_graph([node], f"b{depth}", [], [tiny_models.value(f"r{depth}")])
        if depth >= 8:
            break
    options = ort.SessionOptions()
    options.nesting_limit = 4
    model = tiny_models.to_bytes(
        list(body.node), [tiny_models.value("x"), tiny_models.value("c", TensorProto.BOOL, ())],
        [tiny_models.value(f"r{depth}")])
    with pytest.raises(ort.Error, match="nest|deep"):
        ort.InferenceSession(model, options)
