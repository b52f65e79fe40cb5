"""What kinds of files bytes are of."""

from given import save
from magika import Magika

files = {
    "python": b"import sys\n\ndef main(arguments):\n    for each in arguments:\n        print(each)\n" * 9,
    "c": b"#include <stdio.h>\nint main(void) {\n  printf(\"hello\\n\");\n  return 0;\n}\n" * 7,
    "html": b"<!doctype html><html><head><title>t</title></head><body><p>text</p></body></html>" * 5,
    "json": b'{"name": "sardonyx", "numbers": [1, 2, 3], "nested": {"a": null}}\n' * 6,
    "markdown": b"# Title\n\nSome *text* with [a link](x.html).\n\n- one\n- two\n\n```\ncode\n```\n" * 6,
    "noise": bytes((i * i * 7 + i * 31) % 251 for i in range(4000)),
}
found = [Magika().identify_bytes(content) for content in files.values()]
assert found[0].output.label == "python", found[0]
save(labels=[each.output.label for each in found], scores=[each.score for each in found])
