"""ONNX Runtime in a process of its own, since it crashes where it should refuse. Entry point: ask."""

import multiprocessing

SECONDS = 30  # for one answer
_SPAWN = multiprocessing.get_context("spawn")
_process = _pipe = None


def _answer(pipe):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    while True:
        model, feeds = pipe.recv()
        try:
            session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
            pipe.send((session.run(None, feeds), None))
        except Exception as error:
            pipe.send((None, str(error)))


def ask(model, feeds):
    """(outputs, None), or (None, what went wrong)."""
    global _process, _pipe
    if _process is None:
        _pipe, theirs = _SPAWN.Pipe()
        _process = _SPAWN.Process(target=_answer, args=(theirs,), daemon=True)
        _process.start()
        theirs.close()
    try:
        _pipe.send((model, feeds))
        if _pipe.poll(SECONDS):
            return _pipe.recv()
        fault = f"takes more than {SECONDS} s"
    except (EOFError, OSError):
        fault = "crashes"
    _process.kill()
    _process.join()
    _process = None
    return None, fault
