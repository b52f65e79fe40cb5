"""Reads words as captchas, and finds words in a picture."""

import io

import ddddocr
from given import picture_of, save
from PIL import Image


def png(picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


words = [png(picture_of([word], (200, 80))) for word in ("x7kq", "HELLO", "9204")]
results = {}
for name, keywords in (("new", {"beta": True}), ("old", {})):
    reader = ddddocr.DdddOcr(show_ad=False, **keywords)
    results[name] = [reader.classification(word) for word in words]
finder = ddddocr.DdddOcr(det=True, ocr=False, show_ad=False)
save(boxes=finder.detection(png(picture_of(["one two", "three"], (300, 200)))), **results)
