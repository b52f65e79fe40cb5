// What programs do with onnxruntime-node: every type of tensor, feeds and fetches, options, errors,
// metadata, external data, profiles, runs side by side.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import ort from 'onnxruntime-node';

const models = process.env.MODELS;
const load = (name, options) => ort.InferenceSession.create(path.join(models, name), options);
const floats = (data, dims) => new ort.Tensor('float32', Float32Array.from(data), dims);
const pair = () => ({ a: floats([1, 2, 3, 4], [2, 2]), b: floats([5, 6, 7, 8], [2, 2]) });

const types = {
  float32: Float32Array.from([1.5, -2, 0, 3.25, NaN]),
  float64: Float64Array.from([1.5, -2, 0, 1e300, -0]),
  float16: Uint16Array.from([0x3c00, 0x4000, 0, 0x8000, 0x7c00]),
  int8: Int8Array.from([1, -2, 127, -128, 0]),
  uint8: Uint8Array.from([1, 2, 255, 128, 0]),
  int16: Int16Array.from([1, -2, 32767, -32768, 0]),
  uint16: Uint16Array.from([1, 2, 65535, 32768, 0]),
  int32: Int32Array.from([1, -2, 2147483647, -2147483648, 0]),
  uint32: Uint32Array.from([1, 2, 4294967295, 2147483648, 0]),
  int64: BigInt64Array.from([1n, -2n, 9223372036854775807n, -9223372036854775808n, 0n]),
  uint64: BigUint64Array.from([1n, 2n, 18446744073709551615n, 1n, 0n]),
  bool: Uint8Array.from([1, 0, 1, 1, 0]),
  string: ['a', '', 'ünïcode ✓', 'd', 'e'],
};

for (const [type, data] of Object.entries(types)) {
  test(`passes tensors of ${type}`, async () => {
    const session = await load(`type_${type}.onnx`);
    const { output } = await session.run({ input: new ort.Tensor(type, data, [1, 5]) });
    assert.equal(output.type, type);
    assert.deepEqual(output.dims, [1, 5]);
    assert.deepEqual(output.data, data);
    await session.release();
  });
}

test('computes all outputs, some, or into a given tensor', async () => {
  const session = await load('arithmetic.onnx');
  const all = await session.run(pair());
  assert.deepEqual([...all.sum.data], [6, 8, 10, 12]);
  assert.deepEqual([...all.product.data], [5, 12, 21, 32]);
  const some = await session.run(pair(), ['product']);
  assert.deepEqual(Object.keys(some), ['product']);
  const place = floats([0, 0, 0, 0], [2, 2]);
  const given = await session.run(pair(), { sum: place });
  assert.deepEqual([...given.sum.data], [6, 8, 10, 12]);
  const asked = await session.run(pair(), { sum: null });
  assert.deepEqual(Object.keys(asked), ['sum']);
});

test('says what the model is', async () => {
  const session = await load('arithmetic.onnx');
  assert.deepEqual(session.inputNames, ['a', 'b']);
  assert.deepEqual(session.outputNames, ['sum', 'product']);
  assert.deepEqual(session.inputMetadata[0],
                   { name: 'a', isTensor: true, type: 'float32', shape: ['N', 2] });
  assert.deepEqual(session.outputMetadata[1],
                   { name: 'product', isTensor: true, type: 'float32', shape: ['N', 2] });
});

test('loads bytes, and parts of buffers', async () => {
  const file = fs.readFileSync(path.join(models, 'arithmetic.onnx'));
  const whole = await ort.InferenceSession.create(new Uint8Array(file));
  assert.deepEqual([...(await whole.run(pair())).sum.data], [6, 8, 10, 12]);
  const padded = new Uint8Array(file.length + 16);
  padded.set(file, 7);
  const part = await ort.InferenceSession.create(padded.buffer, 7, file.length);
  assert.deepEqual([...(await part.run(pair())).sum.data], [6, 8, 10, 12]);
});

test('takes options', async () => {
  const session = await load('arithmetic.onnx', {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'basic',
    executionMode: 'sequential',
    enableCpuMemArena: false,
    enableMemPattern: false,
    logId: 'mine',
    logSeverityLevel: 3,
    extra: { session: { set_denormal_as_zero: '1', disable_prepacking: '1' } },
  });
  const options = { tag: 'run', logSeverityLevel: 3, logVerbosityLevel: 0, terminate: false };
  assert.deepEqual([...(await session.run(pair(), options)).sum.data], [6, 8, 10, 12]);
});

test('binds outputs to a place', async () => {
  const session = await load('arithmetic.onnx', { preferredOutputLocation: 'cpu' });
  assert.deepEqual([...(await session.run(pair())).product.data], [5, 12, 21, 32]);
});

test('takes external data from memory', async () => {
  const model = fs.readFileSync(path.join(models, 'external.onnx'));
  const data = fs.readFileSync(path.join(models, 'weights.bin'));
  const session = await ort.InferenceSession.create(new Uint8Array(model), {
    externalData: [{ path: 'weights.bin', data: new Uint8Array(data) }],
  });
  const { y } = await session.run({ x: floats([1, 1, 1, 1], [4]) });
  assert.deepEqual([...y.data], [2, 3, 4, 5]);
});

test('finds external data beside the model', async () => {
  const session = await load('external.onnx');
  const { y } = await session.run({ x: floats([0, 0, 0, 0], [4]) });
  assert.deepEqual([...y.data], [1, 2, 3, 4]);
});

test('writes a profile', async () => {
  const prefix = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'profile-')), 'run');
  const session = await load('arithmetic.onnx', { enableProfiling: true, profileFilePrefix: prefix });
  await session.run(pair());
  session.endProfiling();
  const files = fs.readdirSync(path.dirname(prefix));
  assert.equal(files.length, 1);
  assert.match(files[0], /^run.*\.json$/);
  const events = JSON.parse(fs.readFileSync(path.join(path.dirname(prefix), files[0]), 'utf8'));
  assert.ok(events.some((event) => event.name === 'model_run'));
  fs.rmSync(path.dirname(prefix), { recursive: true });
});

test('runs side by side', async () => {
  const session = await load('arithmetic.onnx');
  const runs = Array.from({ length: 40 }, (_, i) => session.run({
    a: floats(new Array(2 * (i + 1)).fill(i), [i + 1, 2]),
    b: floats(new Array(2 * (i + 1)).fill(1), [i + 1, 2]),
  }));
  (await Promise.all(runs)).forEach((result, i) => {
    assert.deepEqual(result.sum.dims, [i + 1, 2]);
    assert.ok(result.sum.data.every((element) => element === i + 1));
  });
});

test('rejects what is wrong', async () => {
  await assert.rejects(load('no_such_file.onnx'), /failed/);
  await assert.rejects(load('broken.onnx'), /failed/);
  await assert.rejects(ort.InferenceSession.create(new Uint8Array(0)));
  await assert.rejects(load('arithmetic.onnx', { executionProviders: ['nonsense'] }));
  const session = await load('arithmetic.onnx');
  await assert.rejects(session.run({ a: pair().a }), /missing/);
  await assert.rejects(session.run({ ...pair(), a: floats([1, 2, 3], [1, 3]) }),
                       /Got invalid dimensions for input: a/);
  await assert.rejects(session.run({ ...pair(), a: floats([1, 2], [2]) }),
                       /Invalid rank for input: a/);
  const doubles = new ort.Tensor('float64', Float64Array.from([1, 2]), [1, 2]);
  await assert.rejects(session.run({ ...pair(), a: doubles }),
                       /Unexpected input data type/);
  assert.deepEqual([...(await session.run(pair())).sum.data], [6, 8, 10, 12]);
});
