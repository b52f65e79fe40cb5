"""Embeds sentences by fastembed with a model of its own kind from a folder."""

import os

from given import save

from fastembed import TextEmbedding
from fastembed.common.model_description import ModelSource, PoolingType

NAME = "sardonyx/all-minilm-l6-v2"
TextEmbedding.add_custom_model(
    model=NAME, pooling=PoolingType.MEAN, normalization=True, sources=ModelSource(hf=NAME), dim=384,
    model_file="model.onnx"
)
encoder = TextEmbedding(NAME, specific_model_path=os.environ["MODELS"], threads=2)
sentences = ["A man is eating food.", "Somebody eats a meal.", "The sky is blue tonight.",
             "Models run on processors, quickly and with the same bits."]
save(vectors=list(encoder.embed(sentences)))
