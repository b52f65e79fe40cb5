"""ONNX Runtime in a process of its own, since it crashes where it should refuse. Entry point: ask."""

import multiprocessing

SECONDS = 30  # for one answer
_SPAWN = multiprocessing.get_context("spawn")
_process = _pipe = None


def _answer(pipe):
    import onnxruntime

    def session(model, exact):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        if exact:  # sums of bytes that do not saturate at 16 bits where the processor has no VNNI
            options.add_session_config_entry("session.x64quantprecision", "1")
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    refusal = onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented
    while True:
        model, feeds = pipe.recv()
        try:
            try:
                outputs = session(model, True).run(None, feeds)
            except refusal:  # not every kernel can be exact
                outputs = session(model, False).run(None, feeds)
            pipe.send((outputs, None))
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
