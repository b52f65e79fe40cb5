"""Reads a picture of text by PP-OCRv4."""

from given import picture_of, save
from rapidocr_onnxruntime import RapidOCR

found, _ = RapidOCR()(picture_of(["Sardonyx reads models", "Invoice 2026-11-29", "Total: 1,234.50"]))
boxes, texts, scores = zip(*found)
assert any("Invoice" in text for text in texts), texts
save(boxes=boxes, texts=texts, scores=[float(score) for score in scores])
