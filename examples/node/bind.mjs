// bind MODEL: runs ten times into one output of its own, and prints the output's first values.
import ort from 'onnxruntime-node';

const allocate = ({ shape }) =>
  new ort.Tensor('float32', new Float32Array(shape.reduce((count, dim) => count * dim)), shape);

const session = await ort.InferenceSession.create(process.argv[2]);
const [input, output] = [session.inputMetadata[0], session.outputMetadata[0]];
const image = allocate(input);
image.data.forEach((_, i) => { image.data[i] = (i % 256) / 255; });
const scores = allocate(output);
for (let run = 0; run < 10; ++run) {
  // An output that is named with a tensor is written into it.
  await session.run({ [input.name]: image }, { [output.name]: scores });
}
console.log([...scores.data.subarray(0, 5)].join(' '));
