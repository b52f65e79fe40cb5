"""Reads a picture of text by PP-OCRv6."""

from given import picture_of, save
from rapidocr import RapidOCR

found = RapidOCR()(picture_of(["Sardonyx reads models", "Invoice 2026-11-29", "Total: 1,234.50"]))
assert any("Invoice" in text for text in found.txts), found.txts
save(boxes=found.boxes, texts=found.txts, scores=found.scores)
