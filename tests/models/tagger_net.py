"""A tagger of words: embedding, two bidirectional layers of GRU, a class for each token.

Input input_ids: int64 N x T. Output tags: N x T x 45.
"""

from torch import nn


class Tagger(nn.Module):
    VOCABULARY = 20000

    def __init__(self, embedding=128, width=256, classes=45):
        super().__init__()
        self.tokens = nn.Embedding(self.VOCABULARY, embedding)
        self.gru = nn.GRU(embedding, width, num_layers=2, bidirectional=True)
        self.classes = nn.Linear(2 * width, classes)

    def set_weights(self):
        """Recurrent weights orthogonal, so that the state lives through the sentence."""
        for name, weight in self.gru.named_parameters():
            if name.startswith("weight_ih"):
                nn.init.xavier_normal_(weight, gain=2)
            elif name.startswith("weight_hh"):
                nn.init.orthogonal_(weight)
            else:
                nn.init.normal_(weight, 0, 0.2)

    def forward(self, input_ids):
        words = self.tokens(input_ids).transpose(0, 1)
        return self.classes(self.gru(words)[0]).transpose(0, 1)
