// classify MODEL PICTURE.ppm: prints the five best classes, `index score`.
import fs from 'node:fs';
import ort from 'onnxruntime-node';

const PIXELS = 224 * 224;
const MEAN = [0.485, 0.456, 0.406];
const DEVIATION = [0.229, 0.224, 0.225];

function readPicture(path) {
  const header = 'P6\n224 224\n255\n';
  const file = fs.readFileSync(path);
  if (!file.toString('latin1').startsWith(header) || file.length !== header.length + 3 * PIXELS) {
    throw new Error(`${path} is no P6 picture of 224 by 224`);
  }
  const image = new Float32Array(3 * PIXELS);
  file.subarray(header.length).forEach((value, i) => {
    const channel = i % 3, pixel = Math.floor(i / 3);
    image[channel * PIXELS + pixel] = (value / 255 - MEAN[channel]) / DEVIATION[channel];
  });
  return image;
}

const [model, picture] = process.argv.slice(2);
const session = await ort.InferenceSession.create(model);
const image = new ort.Tensor('float32', readPicture(picture), [1, 3, 224, 224]);
const results = await session.run({ [session.inputNames[0]]: image });
const scores = results[session.outputNames[0]].data;
[...scores.keys()].sort((a, b) => scores[b] - scores[a]).slice(0, 5)
  .forEach((index) => console.log(`${index} ${scores[index].toFixed(6)}`));
