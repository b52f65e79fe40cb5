// What onnxruntime-node takes and refuses: forms of models, feeds, fetches, options and tensors.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import ort from 'onnxruntime-node';

const file = (name) => path.join(process.env.MODELS, name);
const arithmetic = (options) => ort.InferenceSession.create(file('arithmetic.onnx'), options);
const floats = (data, dims) => new ort.Tensor('float32', Float32Array.from(data), dims);
const pair = () => ({ a: floats([1, 2, 3, 4], [2, 2]), b: floats([5, 6, 7, 8], [2, 2]) });
const sums = [6, 8, 10, 12];

test('creates sessions of files, bytes and parts of buffers alone', async () => {
  const bytes = fs.readFileSync(file('arithmetic.onnx'));
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  for (const forms of [[buffer], [new Uint8Array(buffer)], [buffer, 0], [buffer, 0, buffer.byteLength],
    [buffer, {}], [buffer, 0, buffer.byteLength, {}]]) {
    const session = await ort.InferenceSession.create(...forms);
    assert.deepEqual([...(await session.run(pair())).sum.data], sums);
  }
  for (const forms of [[], [5], [null], [file('arithmetic.onnx'), 5], [buffer, -1], [buffer, 0, 0],
    [buffer, buffer.byteLength], [buffer, 0, buffer.byteLength + 1], [buffer, 0, buffer.byteLength, 5],
    [new Uint8Array(8)], [new Float32Array(8)]]) {
    await assert.rejects(ort.InferenceSession.create(...forms));
  }
});

test('takes feeds by name', async () => {
  const session = await arithmetic();
  const reused = pair().a;
  assert.deepEqual([...(await session.run({ a: reused, b: reused })).sum.data], [2, 4, 6, 8]);
  const more = { ...pair(), other: reused };
  await assert.rejects(session.run(more).then(() => Promise.reject(new Error('ran'))));
  for (const feeds of [undefined, null, 5, 'a', reused, {}, [pair().a, pair().b], { a: reused },
    { ...pair(), a: 5 }, { ...pair(), a: [1, 2, 3, 4] }, { ...pair(), a: null }]) {
    await assert.rejects(session.run(feeds));
  }
});

test('takes fetches as names, or as places', async () => {
  const session = await arithmetic();
  assert.deepEqual(Object.keys(await session.run(pair(), ['sum', 'product'])), ['sum', 'product']);
  assert.deepEqual(Object.keys(await session.run(pair(), { product: null })), ['product']);
  for (const fetches of [5, 'sum', null, [], [5], ['other'], pair().a]) {
    await assert.rejects(session.run(pair(), fetches));
  }
  await assert.rejects(session.run(pair(), { sum: floats([0], [1]) }));
  const doubles = new ort.Tensor('float64', Float64Array.from([0, 0, 0, 0]), [2, 2]);
  await assert.rejects(session.run(pair(), { sum: doubles }));
});

test('takes options of sessions of the right types', async () => {
  const good = [
    { executionProviders: ['cpu'] }, { executionProviders: [{ name: 'cpu' }] }, { intraOpNumThreads: 2 },
    { interOpNumThreads: 2 }, { enableCpuMemArena: true }, { enableMemPattern: true }, { logId: 'a' },
    { executionMode: 'parallel' }, { logSeverityLevel: 4 }, { logVerbosityLevel: 0 },
    { extra: { session: { disable_prepacking: '1' } } },
    ...['disabled', 'basic', 'extended', 'layout', 'all'].map((level) => ({ graphOptimizationLevel: level })),
  ];
  for (const options of good) {
    const session = await arithmetic(options);
    assert.deepEqual([...(await session.run(pair())).sum.data], sums);
  }
  const bad = [
    { executionProviders: 5 }, { executionProviders: ['nonsense'] }, { intraOpNumThreads: -1 },
    { intraOpNumThreads: 1.5 }, { interOpNumThreads: 'one' }, { graphOptimizationLevel: 'nonsense' },
    { graphOptimizationLevel: 5 }, { enableCpuMemArena: 5 }, { enableMemPattern: 'on' },
    { executionMode: 'nonsense' }, { logId: 5 }, { logSeverityLevel: 8 }, { logSeverityLevel: 'high' },
    { optimizedModelFilePath: 5 }, { enableProfiling: 5 },
  ];
  for (const options of bad) await assert.rejects(arithmetic(options), undefined, JSON.stringify(options));
});

test('takes options of runs of the right types', async () => {
  const session = await arithmetic();
  for (const options of [{}, { tag: 'a' }, { logSeverityLevel: 3 }, { logVerbosityLevel: 1 }, { terminate: false }]) {
    assert.deepEqual([...(await session.run(pair(), options)).sum.data], sums);
    assert.deepEqual(Object.keys(await session.run(pair(), ['sum'], options)), ['sum']);
  }
  for (const options of [5, 'a', { tag: 5 }, { logSeverityLevel: 'high' }, { logSeverityLevel: 8 }]) {
    await assert.rejects(session.run(pair(), ['sum'], options), undefined, JSON.stringify(options));
  }
});

test('saves the optimized model', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'optimized-'));
  const saved = path.join(folder, 'optimized.onnx');
  await arithmetic({ optimizedModelFilePath: saved, graphOptimizationLevel: 'basic' });
  const again = await ort.InferenceSession.create(saved);
  assert.deepEqual([...(await again.run(pair())).sum.data], sums);
  fs.rmSync(folder, { recursive: true });
});

test('says that outputs are no tensors', async () => {
  const session = await ort.InferenceSession.create(file('containers.onnx'));
  assert.deepEqual(session.outputMetadata.map(({ name, isTensor }) => [name, isTensor]),
                   [['parts', false], ['scores', false], ['named', false]]);
  await assert.rejects(session.run({ x: floats([0.25, 0.75], [1, 2]) }));
});

test('keeps no session that was released', async () => {
  const session = await arithmetic();
  await session.release();
  await assert.rejects(session.run(pair()));
});

test('makes tensors of arrays', async () => {
  assert.equal(new ort.Tensor(Float32Array.from([1])).type, 'float32');
  assert.equal(new ort.Tensor(['a']).type, 'string');
  assert.deepEqual(new ort.Tensor([true, false]).dims, [2]);
  assert.deepEqual(new ort.Tensor('int64', [1n, 2n], [2, 1]).data, BigInt64Array.from([1n, 2n]));
  assert.deepEqual(floats([1, 2, 3, 4], [4]).reshape([2, 2]).dims, [2, 2]);
  assert.throws(() => floats([1, 2, 3], [2, 2]));
  assert.throws(() => new ort.Tensor('nonsense', [1], [1]));
  assert.throws(() => new ort.Tensor('float32', Float32Array.from([1]), [-1]));
  // Of no elements, through the library.
  const session = await arithmetic();
  const none = floats([], [0, 2]);
  const { sum } = await session.run({ a: none, b: none });
  assert.deepEqual(sum.dims, [0, 2]);
});

test('lists its backends', () => {
  assert.ok(ort.listSupportedBackends().some(({ name, bundled }) => name === 'cpu' && bundled));
});
