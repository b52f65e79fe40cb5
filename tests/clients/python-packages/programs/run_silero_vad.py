"""Finds speech by the ONNX models of silero-vad."""

import torch
from given import save, voice_like
from silero_vad import get_speech_timestamps, load_silero_vad

sound = torch.from_numpy(voice_like())
results = {}
for opset in (15, 16):
    model = load_silero_vad(onnx=True, opset_version=opset)
    results[f"opset{opset}"] = model.audio_forward(sound, sr=16000).tolist()
    model.reset_states()
    stamps = get_speech_timestamps(sound, model, sampling_rate=16000, threshold=0.2,
                                  min_speech_duration_ms=60)
    results[f"stamps{opset}"] = [[each["start"], each["end"]] for each in stamps]
assert len(results["stamps16"]) >= 1, results
save(**results)
