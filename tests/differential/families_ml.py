"""The operators of ai.onnx.ml, and those of com.microsoft that transformers are made of."""

import numpy as np
from draw import F32, F64, Case, family

ML, MS = "ai.onnx.ml", "com.microsoft"
TRANSFORMS = (None, "NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")


def rows(draw, width, dtype=F32):
    return draw.array(dtype, (draw.int(1, 4), width))


def floats(draw, count, low=-2.0, high=2.0):
    return [round(float(v), 3) for v in draw.rng.uniform(low, high, count)]


@family("ArrayFeatureExtractor")
def array_feature_extractor(draw, op):
    width = draw.int(1, 6)
    x = draw.array(draw.pick(F32, F64, np.int64, object), (draw.int(1, 4), width))
    which = draw.rng.integers(0, width, draw.int(1, 5)).astype(np.int64)
    return Case(op, 1, [x, which], domain=ML)


@family("Binarizer")
def binarizer(draw, op):
    return Case(op, 1, [draw.array(F32, draw.shape(1, 3), style="whole")], domain=ML,
                attrs={"threshold": draw.maybe(draw.pick(0.0, 1.0))})


@family("Imputer")
def imputer(draw, op):
    width = draw.int(1, 4)
    if draw.chance(0.4):
        return Case(op, 1, [draw.array(np.int64, (3, width))], domain=ML,
                    attrs={"imputed_value_int64s": draw.ints(draw.pick(1, width), -9, 9),
                           "replaced_value_int64": draw.int(-2, 2)})  # fmt: skip
    x = rows(draw, width)
    hole = draw.pick(np.nan, 1.0)
    x = np.where(draw.rng.random(x.shape) < 0.4, F32(hole), x)
    return Case(op, 1, [x], domain=ML,
                attrs={"imputed_value_floats": floats(draw, draw.pick(1, width)),
                       "replaced_value_float": hole})  # fmt: skip


@family("Scaler")
def scaler(draw, op):
    width = draw.int(1, 5)
    count = draw.pick(1, width)
    x = rows(draw, width, draw.pick(F32, F64, np.int64, np.int32))
    return Case(op, 1, [x], domain=ML,
                attrs={"offset": floats(draw, count), "scale": floats(draw, count)})


@family("Normalizer")
def normalizer(draw, op):
    x = rows(draw, draw.int(1, 5), draw.pick(F32, F64, np.int64))
    if draw.chance(0.3):
        x[0] = 0
    return Case(op, 1, [x], domain=ML, attrs={"norm": draw.pick(None, "MAX", "L1", "L2")})


@family("OneHotEncoder")
def one_hot_encoder(draw, op):
    zeros = draw.maybe(1)
    if draw.chance():
        kinds = ["a", "b", "ab", ""]
        return Case(op, 1, [np.array([draw.pick("a", "b", "ab") for _ in range(4)], object)],
                    domain=ML, attrs={"cats_strings": kinds, "zeros": zeros})
    x = draw.array(draw.pick(np.int64, F32), draw.shape(1, 2, empty=0), 0, 4, "whole")
    return Case(op, 1, [x], domain=ML, attrs={"cats_int64s": [0, 1, 2, 3, 4], "zeros": zeros})


@family("FeatureVectorizer")
def feature_vectorizer(draw, op):
    n = draw.int(1, 3)
    widths = draw.ints(draw.int(1, 3), 1, 3)
    kind = draw.pick(F32, F64, np.int64, np.int32)
    return Case(op, 1, [draw.array(kind, (n, w)) for w in widths], domain=ML,
                attrs={"inputdimensions": widths})


@family("LabelEncoder")
def label_encoder(draw, op):
    kinds = {"strings": ["a", "b", "ab", "onnx"], "int64s": [1, 2, -3, 0],
             "floats": [0.5, 1.0, -2.0, 0.0]}  # fmt: skip
    key, value = draw.pick(*kinds), draw.pick(*kinds)
    if (key, value) == ("floats", "int64s") or (key, value) == ("int64s", "floats"):
        value = "strings"
    attrs = {f"keys_{key}": kinds[key], f"values_{value}": kinds[value]}
    if draw.chance():
        attrs |= {"strings": {"default_string": "?"}, "int64s": {"default_int64": 77},
                  "floats": {"default_float": 0.25}}[value]  # fmt: skip
    dtype = {"strings": object, "int64s": np.int64, "floats": F32}[key]
    return Case(op, draw.opset(2, 4), [draw.array(dtype, draw.shape(0, 3), -3, 3, "whole")],
                domain=ML, attrs=attrs)


@family("LinearRegressor")
def linear_regressor(draw, op):
    width, targets = draw.int(1, 5), draw.int(1, 3)
    attrs = {"coefficients": floats(draw, width * targets), "targets": targets,
             "intercepts": draw.maybe(floats(draw, targets)),
             # ONNX Runtime transforms no score that stands alone.
             "post_transform": draw.pick(*TRANSFORMS[:4]) if targets > 1 else None}  # fmt: skip
    return Case(op, 1, [rows(draw, width)], domain=ML, attrs=attrs)


@family("LinearClassifier")
def linear_classifier(draw, op):
    width = draw.int(1, 5)
    classes = draw.int(2, 4)
    scores = draw.pick(1, 2) if classes == 2 else classes
    labels = ([f"c{i}" for i in range(classes)] if draw.chance() else
              draw.ints(classes, 0, 99))  # fmt: skip
    attrs = {"coefficients": floats(draw, width * scores), "intercepts": floats(draw, scores),
             "post_transform": draw.pick(*TRANSFORMS[:4]), "multi_class": draw.maybe(1)}
    attrs["classlabels_strings" if isinstance(labels[0], str) else "classlabels_ints"] = labels
    unlike = None
    if scores == 1 and attrs["post_transform"] == "SOFTMAX":
        unlike = "transforms no score that stands alone"
    return Case(op, 1, [rows(draw, width)], 2, attrs, domain=ML, unlike=unlike)


KERNELS = ("LINEAR", "POLY", "RBF", "SIGMOID")


@family("SVMRegressor")
def svm_regressor(draw, op):
    width, vectors = draw.int(1, 4), draw.int(1, 5)
    attrs = {"coefficients": floats(draw, vectors), "support_vectors": floats(draw, vectors * width),
             "n_supports": vectors, "kernel_type": draw.pick(*KERNELS), "rho": floats(draw, 1),
             "kernel_params": [0.3, 0.2, 2.0], "one_class": draw.maybe(draw.int(0, 1))}
    return Case(op, 1, [rows(draw, width)], domain=ML, attrs=attrs, rtol=10)


@family("SVMClassifier")
def svm_classifier(draw, op):
    width, classes = draw.int(1, 4), draw.int(2, 4)
    per_class = draw.ints(classes, 1, 3)
    vectors = sum(per_class)
    pairs = classes * (classes - 1) // 2
    attrs = {"coefficients": floats(draw, vectors * (classes - 1)),
             "support_vectors": floats(draw, vectors * width), "vectors_per_class": per_class,
             "kernel_type": draw.pick(*KERNELS), "rho": floats(draw, pairs),
             "kernel_params": [0.3, 0.2, 2.0], "classlabels_ints": list(range(classes))}
    if draw.chance():
        attrs |= {"prob_a": floats(draw, pairs), "prob_b": floats(draw, pairs)}
    return Case(op, 1, [rows(draw, width)], 2, attrs, domain=ML, rtol=10)


def tree_nodes(draw, trees, width, leaves):
    """Full binary trees of depth 2: lists of attributes, and the leaves' (tree, node)."""
    attrs = {key: [] for key in (
        "nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_modes", "nodes_values",
        "nodes_truenodeids", "nodes_falsenodeids", "nodes_missing_value_tracks_true")}  # fmt: skip
    mode = draw.pick("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ",
                     "BRANCH_NEQ", "mixed")  # fmt: skip
    for tree in range(trees):
        for node in range(7):
            inner = node < 3
            name = mode if mode != "mixed" else draw.pick("BRANCH_LEQ", "BRANCH_GT", "BRANCH_EQ")
            row = (tree, node, draw.int(0, width - 1) if inner else 0, name if inner else "LEAF",
                   float(draw.int(-2, 2)) if inner else 0.0, 2 * node + 1 if inner else 0,
                   2 * node + 2 if inner else 0, draw.int(0, 1) if inner else 0)  # fmt: skip
            for key, value in zip(attrs, row):
                attrs[key].append(value)
            if not inner:
                leaves.append((tree, node))
    return attrs


@family("TreeEnsembleRegressor")
def tree_regressor(draw, op):
    width, targets, leaves = draw.int(1, 4), draw.int(1, 3), []
    attrs = tree_nodes(draw, draw.int(1, 6), width, leaves)
    if targets > 1:  # ONNX Runtime forgets the base value of a target that no leaf hit
        leaves *= targets
    each = len(leaves) // targets
    attrs |= {"n_targets": targets, "target_treeids": [t for t, _ in leaves],
              "target_nodeids": [n for _, n in leaves],
              "target_ids": [i // each for i in range(len(leaves))],
              "target_weights": floats(draw, len(leaves)),
              "base_values": draw.maybe(floats(draw, targets)),
              "aggregate_function": draw.pick(None, "SUM", "AVERAGE", "MIN", "MAX"),
              "post_transform": draw.pick(None, "NONE", "SOFTMAX", "LOGISTIC")
              if targets > 1 else None}  # fmt: skip
    x = draw.array(F32, (draw.int(1, 40), width), style="whole")
    if draw.chance(0.3):
        x = np.where(draw.rng.random(x.shape) < 0.2, F32(np.nan), x)
    return Case(op, draw.opset(1, 3), [x], domain=ML, attrs=attrs)


@family("TreeEnsembleClassifier")
def tree_classifier(draw, op):
    width, classes, leaves = draw.int(1, 4), draw.int(2, 4), []
    attrs = tree_nodes(draw, draw.int(1, 6), width, leaves)
    attrs |= {"class_treeids": [t for t, _ in leaves], "class_nodeids": [n for _, n in leaves],
              "class_ids": draw.ints(len(leaves), 0, classes - 1),
              "class_weights": floats(draw, len(leaves), 0.1),
              "post_transform": draw.pick(*TRANSFORMS[:4])}  # fmt: skip
    if draw.chance():
        attrs["classlabels_strings"] = [f"c{i}" for i in range(classes)]
    else:
        attrs["classlabels_int64s"] = draw.ints(classes, 0, 99)
    x = draw.array(F32, (draw.int(1, 40), width), style="whole")
    unlike = None
    if classes == 2:  # as converters write it: all votes are for one class
        attrs["class_ids"] = [draw.int(0, 1)] * len(leaves)
        if attrs["post_transform"] == "SOFTMAX":
            attrs["post_transform"] = "LOGISTIC"  # that score alone is not transformed there
    if classes == 2 and draw.chance(0.3):
        attrs["class_ids"] = [i % 2 for i in range(len(leaves))]
        unlike = "names the wrong one of two classes that both have leaves"
    return Case(op, draw.opset(1, 3), [x], 2, attrs, domain=ML, unlike=unlike)


# ---- Transformers


@family("FastGelu BiasGelu QuickGelu")
def contrib_gelu(draw, op):
    width = draw.int(1, 40)
    x = draw.array(F32, (*draw.shape(1, 2, empty=0), width))
    bias = draw.array(F32, (width,))
    inputs = [x] if op == "QuickGelu" else [x, bias if op == "BiasGelu" else draw.maybe(bias)]
    attrs = {"alpha": draw.maybe(1.3)} if op == "QuickGelu" else {}
    return Case(op, 1, inputs, attrs=attrs, domain=MS, atol=3)


@family("SkipLayerNormalization SkipSimplifiedLayerNormalization")
def skip_layer_normalization(draw, op):
    n, length, width = draw.int(1, 2), draw.int(1, 4), draw.int(1, 40)
    x = draw.array(F32, (n, length, width))
    skip = draw.array(F32, draw.pick((n, length, width), (1, length, width), (length, width)))
    inputs = [x, skip, draw.array(F32, (width,))]
    if op == "SkipLayerNormalization":
        inputs.append(draw.maybe(draw.array(F32, (width,))))
    inputs.append(draw.maybe(draw.array(F32, (width,))))
    return Case(op, 1, inputs, draw.pick([True], [True, False, False, True]),
                {"epsilon": draw.maybe(0.01)}, domain=MS, atol=20, rtol=5)


@family("FusedMatMul")
def fused_matmul(draw, op):
    m, k, n, batch = draw.ints(4, 1, 6)
    ta, tb = draw.int(0, 1), draw.int(0, 1)
    a, b = (batch, k, m) if ta else (batch, m, k), (batch, n, k) if tb else (batch, k, n)
    return Case(op, 1, [draw.array(F32, a), draw.array(F32, b)], domain=MS,
                attrs={"transA": ta, "transB": tb, "alpha": draw.maybe(0.3)})


@family("MultiHeadAttention")
def multi_head_attention(draw, op):
    batch, heads, width, length = draw.int(1, 2), draw.int(1, 3), draw.pick(4, 8), draw.int(1, 5)
    keys = draw.int(1, 6)
    size = heads * width
    inputs = [draw.array(F32, (batch, length, size)), draw.array(F32, (batch, keys, size)),
              draw.array(F32, (batch, keys, size)), draw.maybe(draw.array(F32, (3 * size,))),
              None, draw.maybe(draw.array(F32, (1, heads, length, keys)))]  # fmt: skip
    attrs = {"num_heads": heads, "scale": draw.maybe(0.4), "unidirectional": None}
    return Case(op, 1, inputs, attrs=attrs, domain=MS, atol=3)


@family("GroupQueryAttention")
def group_query_attention(draw, op):
    batch, kv_heads, width = draw.int(1, 2), draw.int(1, 2), 16
    heads = kv_heads * draw.int(1, 3)
    past = draw.int(0, 5)
    length = 1 if past else draw.int(1, 6)
    room = past + length
    query = draw.array(F32, (batch, length, heads * width))
    rest = [draw.array(F32, (batch, length, kv_heads * width)) for _ in range(2)]
    caches = [draw.array(F32, (batch, kv_heads, past, width)) for _ in range(2)]
    seen = np.full((batch,), room - 1, np.int32)
    inputs = [query, *rest, *caches, seen, np.array(room, np.int32)]
    attrs = {"num_heads": heads, "kv_num_heads": kv_heads, "scale": draw.maybe(0.3),
             "local_window_size": draw.maybe(draw.int(1, 4), 0.3),
             "softcap": draw.maybe(2.0, 0.3)}  # fmt: skip
    if draw.chance():
        attrs |= {"do_rotary": 1, "rotary_interleaved": draw.maybe(draw.int(0, 1))}
        inputs += [draw.array(F32, (room + 2, width // 2)), draw.array(F32, (room + 2, width // 2))]
    return Case(op, 1, inputs, 3, attrs, domain=MS, atol=3)
