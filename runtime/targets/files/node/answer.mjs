// Runs model.onnx on the golden input and compares what it answers with the golden output.
//
//   npm install --onnxruntime-node-install-cuda=skip
//   node answer.mjs

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const { InferenceSession, Tensor } = createRequire(import.meta.url)('onnxruntime-node');
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
};

/** The values of a tensor as golden/ holds them. */
function read(type, file) {
  const bytes = readFileSync(here(file));
  if (type !== 'string') {
    const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
    return new ARRAYS[type](buffer);
  }
  const texts = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    texts.push(bytes.toString('utf8', at + 4, at + 4 + length));
    at += 4 + length;
  }
  return texts;
}

const golden = readFileSync(here('golden.txt'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => {
    const [kind, name, type, sizes, file, tolerance] = line.split('\t');
    return { kind, name, type, sizes: sizes.split('x').map(Number), values: read(type, file), tolerance: Number(tolerance) };
  });

const session = await InferenceSession.create(here('model.onnx'));
const feeds = {};
for (const { name, type, sizes, values } of golden.filter(({ kind }) => kind === 'input')) {
  feeds[name] = new Tensor(type, values, sizes);
}
const began = performance.now();
const outputs = await session.run(feeds);
console.log(`answered in ${(performance.now() - began).toFixed(1)} ms`);

let wrong = 0;
for (const { name, values, tolerance } of golden.filter(({ kind }) => kind === 'output')) {
  const found = outputs[name].data;
  let most = found.length === values.length ? 0 : Infinity;
  for (let place = 0; place < values.length; place += 1) {
    const [ours, theirs] = [found[place], values[place]];
    const off = typeof theirs === 'number' ? Math.abs(ours - theirs) : ours === theirs ? 0 : Infinity;
    most = Math.max(most, Number.isNaN(off) ? Infinity : off);
  }
  const fine = most <= tolerance;
  wrong += fine ? 0 : 1;
  const shown = Array.from(found.slice(0, 4), String).join(', ');
  console.log(`${fine ? 'right' : 'WRONG'}  ${name}: ${shown}${found.length > 4 ? ', …' : ''} (off by ${most}, at most ${tolerance})`);
}
process.exitCode = wrong ? 1 : 0;
