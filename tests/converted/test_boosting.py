"""Models of LightGBM and XGBoost, converted by onnxmltools, answer as those libraries do."""
import lightgbm
import numpy as np
import onnxmltools
import pytest
import sardonyx
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn import datasets

ROWS = 240
LIGHT = dict(n_estimators=30, n_jobs=1, verbose=-1)
EXTREME = dict(n_estimators=30, n_jobs=1)


def features(classes, missing):
    """(x to train on, y, x to ask about), with holes if `missing`."""
    if classes:
        x, y = datasets.make_classification(700, 8, n_informative=5, n_classes=classes,
                                            class_sep=0.8, random_state=0)
    else:
        x, y = datasets.make_regression(700, 8, n_informative=6, noise=4, random_state=0)
        y = y / 50
    x = x.astype(np.float32)
    if missing:
        x[::3, 1] = np.nan
        x[::5, 3] = np.nan
    return x[ROWS:], y[ROWS:], x[:ROWS]


def convert(model):
    light = isinstance(model, lightgbm.LGBMModel)
    converter = onnxmltools.convert_lightgbm if light else onnxmltools.convert_xgboost
    proto = converter(model, initial_types=[("x", FloatTensorType([None, 8]))], target_opset=15)
    return sardonyx.InferenceSession(proto.SerializeToString())


def table(scores):
    """Rows of scores, which come as an array or as dicts."""
    return [list(each.values()) if isinstance(each, dict) else each for each in scores]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("make", [
    lambda: lightgbm.LGBMClassifier(**LIGHT),
    lambda: lightgbm.LGBMClassifier(boosting_type="dart", **LIGHT),
    lambda: xgboost.XGBClassifier(**EXTREME),
    lambda: xgboost.XGBRFClassifier(**EXTREME),
], ids=["lightgbm", "lightgbm dart", "xgboost", "xgboost forest"])
def test_classifier(make, classes, missing):
    x, y, asked = features(classes, missing)
    model = make()
    if classes == 3 and isinstance(model, xgboost.XGBRFClassifier):
        pytest.skip("onnxmltools mixes up the classes of its trees")
    model.fit(x, y)
    labels, scores = convert(model).run(None, {"x": asked})
    assert np.array_equal(labels, model.predict(asked))
    np.testing.assert_allclose(table(scores), model.predict_proba(asked), rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("make", [
    lambda: lightgbm.LGBMRegressor(**LIGHT),
    lambda: lightgbm.LGBMRegressor(boosting_type="dart", **LIGHT),
    lambda: lightgbm.LGBMRegressor(objective="poisson", **LIGHT),
    lambda: xgboost.XGBRegressor(**EXTREME),
    lambda: xgboost.XGBRFRegressor(**EXTREME),
], ids=["lightgbm", "lightgbm dart", "lightgbm poisson", "xgboost", "xgboost forest"])
def test_regressor(make, missing):
    x, y, asked = features(0, missing)
    y = y - y.min()
    model = make().fit(x, y)
    (got,) = convert(model).run(None, {"x": asked})
    np.testing.assert_allclose(got.ravel(), model.predict(asked), rtol=1e-5, atol=1e-5)


def test_categories():
    """Splits of LightGBM that ask for one category."""
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.integers(0, 6, 700), rng.normal(size=(700, 7))]).astype(np.float32)
    y = np.where(np.isin(x[:, 0], [1, 4]), 2.0, -1.0) + x[:, 1]
    model = lightgbm.LGBMRegressor(min_child_samples=5, **LIGHT).fit(
        x[ROWS:], y[ROWS:], categorical_feature=[0])
    (got,) = convert(model).run(None, {"x": x[:ROWS]})
    np.testing.assert_allclose(got.ravel(), model.predict(x[:ROWS]), rtol=1e-5, atol=1e-5)


def test_words_for_classes():
    x, y, asked = features(3, missing=False)
    model = lightgbm.LGBMClassifier(**LIGHT).fit(x, np.array(["red", "green", "blue"])[y])
    labels, scores = convert(model).run(None, {"x": asked})
    assert list(labels) == list(model.predict(asked))
    assert list(scores[0]) == ["blue", "green", "red"]
