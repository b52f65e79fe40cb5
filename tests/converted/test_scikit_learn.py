"""Models of scikit-learn, converted by skl2onnx, answer as scikit-learn does on rows not trained on."""
import numpy as np
import onnx
import pandas
import pytest
import sardonyx
import skl2onnx
from sklearn import (
    cluster, compose, datasets, decomposition, ensemble, feature_extraction, feature_selection,
    gaussian_process, impute, linear_model, mixture, multiclass, naive_bayes, neighbors,
    neural_network, pipeline, preprocessing, svm, tree)
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import (
    LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis)
from skl2onnx.common.data_types import (
    DictionaryType, DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType)

ROWS = 240


def features(classes=3, targets=1, seed=0):
    """(x to train on, y, x to ask about) with 8 features, as float32 numbers."""
    if classes:
        x, y = datasets.make_classification(700, 8, n_informative=5, n_classes=classes,
                                            class_sep=0.8, random_state=seed)
    else:
        x, y = datasets.make_regression(700, 8, n_informative=6, n_targets=targets, noise=4,
                                        random_state=seed)
        y = y / 50
    x = x.astype(np.float32)
    return x[ROWS:], y[ROWS:], x[:ROWS]


@pytest.fixture(autouse=True)
def flags_are_integers(monkeypatch):
    """skl2onnx gives the flags of missing values as booleans, which onnx does not take."""
    make = onnx.helper.make_attribute

    def make_attribute(key, value, *rest, **named):
        if isinstance(value, list) and any(isinstance(v, (bool, np.bool_)) for v in value):
            value = [int(each) for each in value]
        return make(key, value, *rest, **named)

    monkeypatch.setattr(onnx.helper, "make_attribute", make_attribute)


def convert(model, types, **options):
    onnx_model = skl2onnx.convert_sklearn(model, initial_types=types, target_opset=17, **options)
    return sardonyx.InferenceSession(onnx_model.SerializeToString())


def convert_floats(model, x, double=False, **options):
    kind = DoubleTensorType if double else FloatTensorType
    return convert(model, [("x", kind([None, x.shape[1]]))], **options)


def assert_close(got, want, tolerance):
    np.testing.assert_allclose(np.asarray(got, np.float64), want, rtol=tolerance, atol=tolerance)


def assert_labels(got, want, at_most=0):
    """Equal labels, but for rows that lie on a border in 32 bits."""
    got = np.asarray(got)
    assert got.shape == want.shape
    different = int(np.sum(got != want))
    assert different <= at_most, f"{different} of {want.size} labels differ"


CLASSIFIERS = {
    "logistic": linear_model.LogisticRegression(),
    "logistic liblinear": linear_model.LogisticRegression(solver="newton-cholesky"),
    "logistic ovr": multiclass.OneVsRestClassifier(linear_model.LogisticRegression()),
    "logistic ovo": multiclass.OneVsOneClassifier(linear_model.LogisticRegression()),
    "logistic cv": linear_model.LogisticRegressionCV(cv=3, Cs=3, use_legacy_attributes=False,
                                                     l1_ratios=(0,), scoring="accuracy"),
    "ridge": linear_model.RidgeClassifier(),
    "sgd": linear_model.SGDClassifier(loss="log_loss", random_state=0),
    "perceptron": linear_model.Perceptron(random_state=0),
    "lda": LinearDiscriminantAnalysis(),
    "qda": QuadraticDiscriminantAnalysis(reg_param=0.1),
    "svc rbf": svm.SVC(),
    "svc poly": svm.SVC(kernel="poly", coef0=1.0),
    "svc linear": svm.SVC(kernel="linear"),
    "svc sigmoid": svm.SVC(kernel="sigmoid", gamma=0.01),
    "nu svc": svm.NuSVC(nu=0.3),
    "linear svc": svm.LinearSVC(random_state=0),
    "calibrated": CalibratedClassifierCV(svm.LinearSVC(random_state=0), cv=3),
    "tree": tree.DecisionTreeClassifier(random_state=0),
    "extra tree": tree.ExtraTreeClassifier(random_state=0),
    "random forest": ensemble.RandomForestClassifier(60, random_state=0),
    "extra trees": ensemble.ExtraTreesClassifier(60, random_state=0),
    "bagging": ensemble.BaggingClassifier(random_state=0),
    "ada boost": ensemble.AdaBoostClassifier(n_estimators=20, random_state=0),
    "gradient boosting": ensemble.GradientBoostingClassifier(n_estimators=40, random_state=0),
    "histogram boosting": ensemble.HistGradientBoostingClassifier(max_iter=40, random_state=0),
    "voting": ensemble.VotingClassifier(
        [("a", linear_model.LogisticRegression()), ("b", naive_bayes.GaussianNB())],
        voting="soft", flatten_transform=False),
    "stacking": ensemble.StackingClassifier(
        [("a", naive_bayes.GaussianNB()), ("b", tree.DecisionTreeClassifier(max_depth=3))], cv=3),
    "k neighbors": neighbors.KNeighborsClassifier(),
    "gaussian bayes": naive_bayes.GaussianNB(),
    "bernoulli bayes": naive_bayes.BernoulliNB(),
    "mlp": neural_network.MLPClassifier(hidden_layer_sizes=(16, 8), max_iter=60, random_state=0),
    "scaled logistic": pipeline.make_pipeline(
        preprocessing.StandardScaler(), linear_model.LogisticRegression()),
    "normalized svc": pipeline.make_pipeline(preprocessing.Normalizer(), svm.SVC()),
    "pca forest": pipeline.make_pipeline(
        decomposition.PCA(4), ensemble.RandomForestClassifier(20, random_state=0)),
    "selected": pipeline.make_pipeline(
        feature_selection.SelectKBest(k=4), preprocessing.PolynomialFeatures(2),
        linear_model.LogisticRegression(max_iter=400)),
}
NO_DICTS = ("linear svc",)  # whose converter has no such option
# Rows that may fall on the other side in 32 bits.
BORDER = {"perceptron": 1, "ada boost": 1}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifier(name, classes):
    x, y, asked = features(classes)
    if name == "lda" and classes == 2:
        pytest.skip("skl2onnx takes the softmax of two classes for the logistic function")
    model = CLASSIFIERS[name].fit(x, y)
    # Without votes there are only decisions.
    raw = not hasattr(model, "predict_proba")
    no_dicts = None if name in NO_DICTS else {id(model): {"zipmap": False}}
    labels, *scores = convert_floats(model, x, options=no_dicts).run(None, {"x": asked})
    assert_labels(labels.reshape(ROWS), model.predict(asked), BORDER.get(name, 0))
    if raw:
        if scores and scores[0].shape == model.decision_function(asked).shape:
            assert_close(scores[0], model.decision_function(asked), 2e-4)
        return
    assert_close(scores[0], model.predict_proba(asked), 2e-4)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("labels", ["strings", "numbers"])
@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_come_as_dicts(classes, labels):
    x, y, asked = features(classes)
    if labels == "strings":
        y = np.array(["red", "green", "blue"])[y]
    for model in (linear_model.LogisticRegression(), ensemble.RandomForestClassifier(20),
                  svm.SVC(probability=True, random_state=0)):
        model.fit(x, y)
        got, dicts = convert_floats(model, x).run(None, {"x": asked})
        assert_labels(got, model.predict(asked))
        assert isinstance(dicts, list) and len(dicts) == ROWS
        assert all(type(each) is dict and list(each) == list(model.classes_) for each in dicts)
        assert_close([list(each.values()) for each in dicts], model.predict_proba(asked), 2e-4)


REGRESSORS = {
    "linear": linear_model.LinearRegression(),
    "ridge": linear_model.Ridge(),
    "lasso": linear_model.Lasso(0.01),
    "elastic net": linear_model.ElasticNet(0.01),
    "bayesian ridge": linear_model.BayesianRidge(),
    "huber": linear_model.HuberRegressor(),
    "svr": svm.SVR(),
    "svr poly": svm.SVR(kernel="poly", coef0=0.5, degree=2),
    "nu svr": svm.NuSVR(),
    "linear svr": svm.LinearSVR(random_state=0),
    "tree": tree.DecisionTreeRegressor(random_state=0),
    "random forest": ensemble.RandomForestRegressor(60, random_state=0),
    "extra trees": ensemble.ExtraTreesRegressor(60, random_state=0),
    "gradient boosting": ensemble.GradientBoostingRegressor(n_estimators=60, random_state=0),
    "histogram boosting": ensemble.HistGradientBoostingRegressor(max_iter=60, random_state=0),
    "ada boost": ensemble.AdaBoostRegressor(n_estimators=10, random_state=0),
    "bagging": ensemble.BaggingRegressor(random_state=0),
    "voting": ensemble.VotingRegressor(
        [("a", linear_model.LinearRegression()), ("b", tree.DecisionTreeRegressor(max_depth=4))]),
    "k neighbors": neighbors.KNeighborsRegressor(),
    "mlp": neural_network.MLPRegressor(hidden_layer_sizes=(16, 8), max_iter=80, random_state=0),
    "gaussian process": gaussian_process.GaussianProcessRegressor(
        gaussian_process.kernels.RBF(2.0) + gaussian_process.kernels.WhiteKernel(0.5)),
    "scaled ridge": pipeline.make_pipeline(
        preprocessing.StandardScaler(), linear_model.Ridge()),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REGRESSORS)
def test_regressor(name):
    x, y, asked = features(classes=0)
    model = REGRESSORS[name].fit(x, y)
    # A kernel matrix loses too much in 32 bits; the converter offers 64.
    double = name == "gaussian process"
    (got,) = convert_floats(model, x, double).run(
        None, {"x": asked.astype(np.float64) if double else asked})
    assert_close(got.ravel(), model.predict(asked), 1e-4)


@pytest.mark.parametrize("model", [
    linear_model.LinearRegression(), ensemble.RandomForestRegressor(20, random_state=0),
    neighbors.KNeighborsRegressor(3)], ids=lambda model: type(model).__name__)
def test_many_targets(model):
    x, y, asked = features(classes=0, targets=3)
    (got,) = convert_floats(model.fit(x, y), x).run(None, {"x": asked})
    assert_close(got, model.predict(asked), 1e-4)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["k means", "one class", "isolation forest", "local outliers",
                                  "mixture"])
def test_without_labels(name):
    x, _, asked = features()
    if name == "k means":
        model = cluster.KMeans(5, n_init=3, random_state=0).fit(x)
        labels, distances = convert_floats(model, x).run(None, {"x": asked})
        assert_labels(labels, model.predict(asked))
        assert_close(distances, model.transform(asked), 1e-4)
    elif name == "one class":
        model = svm.OneClassSVM(nu=0.2).fit(x)
        labels, scores = convert_floats(model, x).run(None, {"x": asked})
        assert_labels(labels.ravel(), model.predict(asked))
        assert_close(scores.ravel(), model.decision_function(asked), 1e-4)
    elif name == "isolation forest":
        model = ensemble.IsolationForest(n_estimators=30, random_state=0).fit(x)
        opsets = {"": 17, "ai.onnx.ml": 3}
        onnx_model = skl2onnx.to_onnx(model, asked[:1], target_opset=opsets)
        session = sardonyx.InferenceSession(onnx_model.SerializeToString())
        labels, scores = session.run(None, {session.get_inputs()[0].name: asked})
        assert_labels(labels.ravel(), model.predict(asked))
        assert_close(scores.ravel(), model.decision_function(asked), 1e-4)
    elif name == "local outliers":
        model = neighbors.LocalOutlierFactor(novelty=True).fit(x)
        labels, scores = convert_floats(model, x).run(None, {"x": asked})
        assert_labels(labels.ravel(), model.predict(asked))
        assert_close(scores.ravel(), model.decision_function(asked), 1e-4)
    else:
        # In 64 bits: in 32, whether a fit ends well depends on the BLAS.
        model = mixture.GaussianMixture(3, random_state=0).fit(x.astype(np.float64))
        labels, shares = convert_floats(model, x).run(None, {"x": asked})
        assert_labels(labels.ravel(), model.predict(asked))
        assert_close(shares, model.predict_proba(asked), 1e-3)


TRANSFORMERS = {
    "standard": preprocessing.StandardScaler(),
    "min max": preprocessing.MinMaxScaler(),
    "max abs": preprocessing.MaxAbsScaler(),
    "robust": preprocessing.RobustScaler(),
    "normalizer l1": preprocessing.Normalizer("l1"),
    "normalizer l2": preprocessing.Normalizer("l2"),
    "binarizer": preprocessing.Binarizer(threshold=0.25),
    "polynomial": preprocessing.PolynomialFeatures(3),
    "bins": preprocessing.KBinsDiscretizer(4, encode="onehot-dense", quantile_method="linear"),
    "power": preprocessing.PowerTransformer(),
    "pca": decomposition.PCA(5),
    "svd": decomposition.TruncatedSVD(5, random_state=0),
    "imputer mean": impute.SimpleImputer(),
    "imputer median": impute.SimpleImputer(strategy="median"),
    "variance": feature_selection.VarianceThreshold(0.5),
    "union": pipeline.make_union(preprocessing.StandardScaler(), decomposition.PCA(2)),
    "tree embedding": ensemble.RandomTreesEmbedding(5, max_depth=3, random_state=0,
                                                    sparse_output=False),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TRANSFORMERS)
def test_transformer(name):
    x, y, asked = features()
    if name.startswith("imputer"):
        x, asked = x.copy(), asked.copy()
        x[::7, 2] = np.nan
        asked[::5, 3] = np.nan
    model = TRANSFORMERS[name].fit(x)
    (got,) = convert_floats(model, x).run(None, {"x": asked})
    assert_close(got, model.transform(asked), 1e-4)


@pytest.mark.parametrize("name", ["one hot", "one hot ignore", "ordinal", "label", "binarize"])
def test_categories(name):
    rng = np.random.default_rng(0)
    words = np.array(["red", "green", "blue", "grey"])[rng.integers(0, 4, (ROWS, 2))]
    words = words.astype(object)
    if name in ("label", "binarize"):
        model = (preprocessing.LabelEncoder if name == "label"
                 else preprocessing.LabelBinarizer)().fit(words[:, 0])
        asked = words[:, :1]
        want = model.transform(asked.ravel())
    else:
        model = {"one hot": preprocessing.OneHotEncoder(sparse_output=False),
                 "one hot ignore": preprocessing.OneHotEncoder(handle_unknown="ignore",
                                                               sparse_output=False),
                 "ordinal": preprocessing.OrdinalEncoder()}[name].fit(words)
        asked = words.copy()
        if name == "one hot ignore":
            asked[::4, 0] = "violet"
        want = model.transform(asked)
    session = convert(model, [("x", StringTensorType([None, asked.shape[1]]))])
    (got,) = session.run(None, {"x": asked})
    assert_close(got.reshape(want.shape), want, 0)


def test_columns_of_many_kinds():
    """Numbers, integers and words through a ColumnTransformer into a forest."""
    rng = np.random.default_rng(1)
    count = 2 * ROWS
    frame = pandas.DataFrame({
        "size": rng.normal(size=count).astype(np.float32),
        "age": rng.integers(0, 90, count),
        "kind": np.array(["a", "b", "c"], object)[rng.integers(0, 3, count)],
    })
    frame.loc[::6, "size"] = np.nan
    y = (frame["age"] / 30 + frame["size"].fillna(0) + (frame["kind"] == "b") > 1.5).astype(int)
    model = pipeline.make_pipeline(
        compose.ColumnTransformer([
            ("number", pipeline.make_pipeline(impute.SimpleImputer(),
                                              preprocessing.StandardScaler()), ["size"]),
            ("integer", preprocessing.MinMaxScaler(), ["age"]),
            ("word", preprocessing.OneHotEncoder(handle_unknown="ignore"), ["kind"]),
        ]),
        linear_model.LogisticRegression()).fit(frame[ROWS:], y[ROWS:])
    session = convert(model, [("size", FloatTensorType([None, 1])),
                              ("age", Int64TensorType([None, 1])),
                              ("kind", StringTensorType([None, 1]))],
                      options={"zipmap": False})
    asked = frame[:ROWS]
    labels, shares = session.run(
        None, {name: asked[[name]].to_numpy() for name in frame.columns})
    assert_labels(labels, model.predict(asked))
    assert_close(shares, model.predict_proba(asked), 1e-4)


WORDS = ("the quick brown fox jumps over a lazy dog while seven wise owls watch from an old oak "
         "tree and nobody knows why the moon is so bright tonight").split()


def sentences(count, seed):
    rng = np.random.default_rng(seed)
    return np.array([" ".join(rng.choice(WORDS, rng.integers(1, 12))) for _ in range(count)])


@pytest.mark.parametrize("name", ["count", "count pairs", "tfidf", "tfidf l1", "characters"])
def test_text(name):
    pattern = {"token_pattern": "[a-zA-Z0-9_]+"}
    model = {
        "count": feature_extraction.text.CountVectorizer(**pattern),
        "count pairs": feature_extraction.text.CountVectorizer(ngram_range=(1, 2), **pattern),
        "tfidf": feature_extraction.text.TfidfVectorizer(**pattern),
        "tfidf l1": feature_extraction.text.TfidfVectorizer(norm="l1", **pattern),
        "characters": feature_extraction.text.CountVectorizer(analyzer="char", lowercase=False,
                                                              ngram_range=(1, 3)),
    }[name].fit(sentences(300, 0))
    asked = sentences(ROWS, 1)
    session = convert(model, [("x", StringTensorType([None, 1]))],
                      options=None if name == "characters" else
                      {id(model): {"tokenexp": "[a-zA-Z0-9_]+"}})
    (got,) = session.run(None, {"x": asked.reshape(-1, 1)})
    assert_close(got, model.transform(asked).toarray(), 1e-5)


def test_dictionaries():
    """DictVectorizer takes one map at a time."""
    rng = np.random.default_rng(0)
    rows = [{name: float(rng.integers(1, 9)) for name in rng.choice(WORDS, 4, replace=False)}
            for _ in range(ROWS)]
    model = feature_extraction.DictVectorizer(sparse=False, dtype=np.float32).fit(rows)
    session = convert(model, [("x", DictionaryType(StringTensorType([1]), FloatTensorType([1])))])
    got = np.concatenate([session.run(None, {"x": row})[0] for row in rows])
    assert_close(got, model.transform(rows), 0)


def test_one_input_for_all_thread_counts():
    """The same bits whatever the number of threads and rows."""
    x, y, asked = features(classes=0)
    model = ensemble.RandomForestRegressor(300, random_state=0).fit(x, y)
    proto = skl2onnx.to_onnx(model, x[:1], target_opset=17).SerializeToString()
    results = []
    for threads in (1, 2, 3):
        options = sardonyx.SessionOptions()
        options.intra_op_num_threads = threads
        session = sardonyx.InferenceSession(proto, options)
        name = session.get_inputs()[0].name
        results.append(session.run(None, {name: asked})[0])
        alone = [session.run(None, {name: asked[i:i + 3]})[0] for i in range(0, ROWS, 3)]
        results.append(np.concatenate(alone))
    assert all(np.array_equal(results[0], each) for each in results)
