#!/usr/bin/python3
"""Exports networks with random weights from PyTorch to ONNX, with inputs and PyTorch's outputs.

  export.py [--list] [--only NAME] [--cache DIR]     what exists already is not made again

Writes DIR/exported/NAME/: model.onnx, model.json, one .npz per case (see cases.py). Weights are
He-initialised from a fixed seed; BatchNorm statistics are those of the network's own activations,
disturbed, so that values neither vanish nor explode and nothing is 0 or 1 by chance.
Runs with Debian's python3-torch, python3-torchvision and python3-onnx (and libopenblas0).
"""

import argparse
import filecmp
import os
import shutil
import sys
import time
import warnings
import zlib

import numpy as np

from cases import DEFAULT_CACHE, save_about, save_case, stop, write_then_rename

try:
    import onnx
    from onnx import numpy_helper
    import torch
    import torchvision
    from torch import nn
except ImportError as error:
    stop("export.py", f"Python module missing: {error.name}",
         "Run scripts/install.sh torch, and this script with /usr/bin/python3.")

from encoder_net import Encoder
from pictures import picture_batch
from recurrent_net import Crnn
from tagger_net import Tagger
from unet_net import UNet

EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples",
                       "super_resolution")
sys.path.insert(0, EXAMPLE)
from network import SuperResolutionNet  # noqa: E402

OPSET = 17
# PyTorch folds BatchNorm into the convolutions when it exports; in these it is left standing, for
# the runtime to fold.
KEEP_NORMS = ("resnet50", "crnn")


class Segmentation(nn.Module):
    """LR-ASPP over MobileNetV3; torchvision's returns a dict, ONNX wants its tensor."""

    def __init__(self):
        super().__init__()
        self.net = torchvision.models.segmentation.lraspp_mobilenet_v3_large(
            weights=None, weights_backbone=None)

    def set_weights(self):
        """A million outputs: their size is kept where the rounding of all is below the bar."""
        for layer in (self.net.classifier.low_classifier, self.net.classifier.high_classifier):
            layer.weight *= 0.3

    def forward(self, x):
        return self.net(x)["out"]


def pictures(*shape):
    return lambda batch, random: {"input": picture_batch(random, (batch, *shape))}


def token_batch(length):
    """Ids, a mask that hides a different number of last tokens per row, two token types."""
    def make(batch, random):
        hidden = np.arange(batch)[:, None] * (length // 4)
        position = np.arange(length)[None]
        return {
            "input_ids": random.integers(0, Encoder.VOCABULARY, (batch, length)),
            "attention_mask": (position < length - hidden).astype(np.int64),
            "token_type_ids": np.broadcast_to(position >= length // 2, (batch, length)).astype(
                np.int64),
        }
    return make


def sentences(batch, random):
    return {"input_ids": random.integers(0, Tagger.VOCABULARY, (batch, 32))}


def vision(name):
    return lambda: getattr(torchvision.models, name)(weights=None)


class TrainedSuperResolutionNet(SuperResolutionNet):
    """With the weights of the example's committed model, so that the file is what is tested."""

    COMMITTED = os.path.join(EXAMPLE, "super_resolution.onnx")

    def set_weights(self):
        stored = onnx.load(self.COMMITTED).graph.initializer
        self.load_state_dict({tensor.name: torch.tensor(numpy_helper.to_array(tensor))
                              for tensor in stored})


def plain_cases(make):
    return {"n1": (1, make), "n3": (3, make)}


PICTURE = plain_cases(pictures(3, 224, 224))
TOKENS = {f"n{batch}_t{length}": (batch, token_batch(length))
          for batch in (1, 3) for length in (16, 37)}
ENCODER_OUTPUTS = ["last_hidden_state", "pooler_output"]

# name: (network, cases, output names, batch axis of the outputs, axis of the classes or None)
NETWORKS = {
    "squeezenet1_0": (vision("squeezenet1_0"), PICTURE, ["output"], 0, 1),
    "mobilenet_v2": (vision("mobilenet_v2"), PICTURE, ["output"], 0, 1),
    "efficientnet_b0": (vision("efficientnet_b0"), PICTURE, ["output"], 0, 1),
    "resnet50": (vision("resnet50"), PICTURE, ["output"], 0, 1),
    "lraspp_mobilenet_v3_large": (Segmentation, PICTURE, ["output"], 0, 1),
    "super_resolution_224": (SuperResolutionNet, plain_cases(pictures(1, 224, 224)),
                             ["output"], 0, None),
    "super_resolution_example": (TrainedSuperResolutionNet,
                                 plain_cases(pictures(1, 170, 170)), ["output"], 0, None),
    "crnn": (Crnn, plain_cases(pictures(1, 32, 100)), ["output"], 1, 2),
    "encoder_minilm": (lambda: Encoder(layers=6, width=384, heads=12), TOKENS, ENCODER_OUTPUTS,
                       0, None),
    "encoder_bert_base": (lambda: Encoder(layers=12, width=768, heads=12), TOKENS,
                          ENCODER_OUTPUTS, 0, None),
    "mobilenet_v3_large": (vision("mobilenet_v3_large"), PICTURE, ["output"], 0, 1),
    "shufflenet_v2_x1_0": (vision("shufflenet_v2_x1_0"), PICTURE, ["output"], 0, 1),
    "densenet121": (vision("densenet121"), PICTURE, ["output"], 0, 1),
    "convnext_tiny": (vision("convnext_tiny"), PICTURE, ["output"], 0, 1),
    "vit_b_16": (vision("vit_b_16"), PICTURE, ["output"], 0, 1),
    "unet": (UNet, plain_cases(pictures(3, 256, 256)), ["output"], 0, 1),
    "gru_tagger": (Tagger, plain_cases(sentences), ["tags"], 0, 2),
}


def calm_residuals(net):
    """Makes the last norm or layer of each residual branch small, as training does.

    A deep net of equally strong random branches amplifies rounding so much that two exact
    implementations differ by more than the tolerance.
    """
    for block in net.modules():
        if getattr(block, "use_res_connect", False):
            norms = [part for part in block.modules() if isinstance(part, nn.BatchNorm2d)]
            nn.init.uniform_(norms[-1].weight, 0.2, 0.4)
        elif isinstance(block, torchvision.models.resnet.Bottleneck):
            nn.init.uniform_(block.bn3.weight, 0.2, 0.4)
        elif isinstance(block, torchvision.models.convnext.CNBlock):
            nn.init.uniform_(block.layer_scale, 0.2, 0.4)
        elif isinstance(block, torchvision.models.vision_transformer.EncoderBlock):
            block.self_attention.out_proj.weight *= 0.3
            block.mlp[3].weight *= 0.3


def set_weights(net):
    """He for convolutions and linear layers; a net that knows better has set_weights itself."""
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.normal_(module.bias, 0, 0.1)
        elif isinstance(module, (nn.BatchNorm2d, nn.LayerNorm)):
            nn.init.uniform_(module.weight, 0.7, 1.3)
            nn.init.normal_(module.bias, 0, 0.2)
    calm_residuals(net)
    if hasattr(net, "set_weights"):
        net.set_weights()


def set_statistics(net, inputs):
    """Gives every BatchNorm the disturbed statistics of what reaches it when `inputs` pass."""
    def measure(norm, reaching):
        variance, mean = torch.var_mean(reaching[0], (0, 2, 3))
        # A channel that hardly varies beside its mean would have its rounding errors blown up.
        variance = variance.maximum(0.2 * mean.square())
        norm.running_mean = mean + 0.2 * variance.sqrt() * torch.randn_like(mean)
        norm.running_var = variance * torch.empty_like(mean).uniform_(0.7, 1.4)

    hooks = [module.register_forward_pre_hook(measure) for module in net.modules()
             if isinstance(module, nn.BatchNorm2d)]
    if hooks:
        net(*inputs)
    for hook in hooks:
        hook.remove()


def tensors(inputs):
    return tuple(torch.from_numpy(np.ascontiguousarray(value)) for value in inputs.values())


def run_torch(net, inputs, output_names):
    outputs = net(*tensors(inputs))
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return {name: value.numpy() for name, value in zip(output_names, outputs)}


def dynamic_axes(example, output_names, output_batch_axis):
    axes = {}
    for name, value in example.items():
        is_token_row = value.dtype == np.int64
        axes[name] = {0: "N", 1: "T"} if is_token_row else {0: "N"}
    for name in output_names:
        axes[name] = {output_batch_axis: "N"}
        if name in ("last_hidden_state", "tags"):
            axes[name][1] = "T"
    return axes


def write_model(net, path, example, output_names, batch_axis, keep_norms):
    if isinstance(net, TrainedSuperResolutionNet):
        shutil.copyfile(net.COMMITTED, path)
        return
    # With gradients PyTorch keeps to operators that can be exported (attention in one is not).
    with warnings.catch_warnings(), torch.enable_grad():
        warnings.simplefilter("ignore")
        mode = torch.onnx.TrainingMode
        torch.onnx.export(net, tensors(example), path, opset_version=OPSET,
                          input_names=list(example), output_names=output_names,
                          training=mode.PRESERVE if keep_norms else mode.EVAL,
                          dynamic_axes=dynamic_axes(example, output_names, batch_axis))


def export_network(name, folder):
    build, cases, output_names, batch_axis, class_axis = NETWORKS[name]
    seed = zlib.crc32(name.encode())
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    net = build().eval()
    examples = {case: make(batch, random) for case, (batch, make) in cases.items()}
    with torch.no_grad():
        set_weights(net)
        set_statistics(net, tensors(next(iter(cases.values()))[1](4, random)))
        for case, inputs in examples.items():
            outputs = run_torch(net, inputs, output_names)
            save_case(os.path.join(folder, f"{case}.npz"), inputs, outputs)
    write_then_rename(os.path.join(folder, "model.onnx"),
                      lambda part: write_model(net, part, next(iter(examples.values())),
                                               output_names, batch_axis, name in KEEP_NORMS))
    # Written last: its presence says that the folder is complete.
    save_about(folder, {"name": name, "reference": f"PyTorch {torch.__version__}",
                        "class_axis": class_axis})
    return outputs


def is_current(name, folder):
    """Whether the folder is complete and, for the example, of the model committed now."""
    if not os.path.exists(os.path.join(folder, "model.json")):
        return False
    model = os.path.join(folder, "model.onnx")
    return (NETWORKS[name][0] is not TrainedSuperResolutionNet
            or filecmp.cmp(model, TrainedSuperResolutionNet.COMMITTED, shallow=False))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument("--only", metavar="NAME", action="append", choices=list(NETWORKS))
    parser.add_argument("--cache", default=DEFAULT_CACHE)
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(NETWORKS))
        return
    torch.set_num_threads(1)
    names = arguments.only or list(NETWORKS)
    for index, name in enumerate(names, 1):
        folder = os.path.join(arguments.cache, "exported", name)
        if is_current(name, folder):
            print(f"[{index}/{len(names)}] {name}: exists", flush=True)
            continue
        start = time.time()
        outputs = export_network(name, folder)
        spread = ", ".join(f"{key} {list(value.shape)} std {value.std():.3g}"
                           for key, value in outputs.items())
        print(f"[{index}/{len(names)}] {name}: {time.time() - start:.0f} s, {spread}", flush=True)


if __name__ == "__main__":
    main()
