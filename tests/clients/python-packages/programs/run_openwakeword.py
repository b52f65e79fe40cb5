"""Listens for wake words: a spectrogram, embeddings and four small networks, 80 ms at a time."""

import os
from pathlib import Path

import numpy as np
from given import save, voice_like
from openwakeword.model import Model

np.random.seed(0)  # the listener begins with noise in its memory
models = Path(os.environ["MODELS"])
words = ["alexa_v0.1", "hey_jarvis_v0.1", "hey_mycroft_v0.1", "timer_v0.1"]
listener = Model(
    wakeword_models=[str(models / f"{word}.onnx") for word in words],
    class_mapping_dicts=[{} for _ in words],
    inference_framework="onnx",
    melspec_model_path=str(models / "melspectrogram.onnx"),
    embedding_model_path=str(models / "embedding_model.onnx"),
)
sound = (voice_like() * 32767).astype(np.int16)
heard = [listener.predict(sound[start : start + 1280]) for start in range(0, len(sound), 1280)]
save(scores=[[float(each[word]) for word in sorted(each)] for each in heard],
     features=listener.preprocessor.get_features(16))
