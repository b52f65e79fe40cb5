"""Runs the detector, and its network for the scores beneath the threshold."""

import cv2
from given import save, shapes_picture
from nudenet import NudeDetector

detector = NudeDetector()
picture = shapes_picture(320)
found = detector.detect(picture)
blob = cv2.dnn.blobFromImage(picture, 1 / 255.0, (320, 320), (0, 0, 0), swapRB=True)
scores = detector.onnx_session.run(None, {detector.input_name: blob})[0]
save(classes=[each["class"] for each in found], scores=scores)
