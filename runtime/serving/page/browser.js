// Answers from the model file itself, which runs in this browser by onnxruntime-web.

import { pixels, greys } from './pixels.js';
import { bucket, circled } from './steps.js';
import { padded, tokens } from './texts.js';

const MOST_THREADS = 4;
const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
};

export async function open({ progress }) {
  const form = await (await got('form.json')).json();
  const runtime = form.browser.runtime;
  const ort = await import(new URL(`${runtime}ort.wasm.min.mjs`, document.baseURI));
  ort.env.wasm.wasmPaths = new URL(runtime, document.baseURI).href;
  // More than one thread needs memory that is shared, which a page has only if its server
  // sends the headers of cross-origin isolation.
  ort.env.wasm.numThreads = crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency) : 1;
  const model = await fetched('model.onnx', progress);
  progress('The model is being prepared …');
  const session = await ort.InferenceSession.create(model, { executionProviders: ['wasm'] });
  return {
    models: [form.model],
    note: `The model runs in this browser (onnxruntime-web ${ort.env.versions.web}); nothing that you enter leaves it.`,
    form: async () => form,
    answer: async (row) => said(await session.run(await feeds(row, form, ort)), form),
  };
}

async function got(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} is not there (${response.status}).`);
  return response;
}

/** A file with what is there of it told on the way. */
async function fetched(path, progress) {
  const response = await got(path);
  const whole = Number(response.headers.get('Content-Length'));
  if (!response.body || !whole) return new Uint8Array(await response.arrayBuffer());
  const parts = [];
  let size = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    size += value.length;
    if (size < whole) progress(`The model is being loaded … ${Math.floor((100 * size) / whole)} %`);
  }
  const found = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    found.set(part, at);
    at += part.length;
  }
  return found;
}

/** The tensors of one row. */
export async function feeds(row, form, ort) {
  const given = form.browser.tokens;
  const texts = {};
  const found = {};
  for (const input of form.inputs) {
    const [field] = input.fields;
    const values = input.fields.flatMap(({ columns }) => columns.map((column) => row[column]));
    if (given[input.name]) {
      const ids = tokens(String(values[0]), given[input.name]);
      if (given[input.name].padding) {
        texts[input.name] = ids;
      } else {
        if (ids.length !== 1) throw new Error(`“${values[0]}” has ${ids.length} pieces; one word is wanted.`);
        found[input.name] = tensor(ids, input.dtype, input.shape, ort);
      }
    } else if (field.kind === 'image' && field.content === 'file') {
      const { data, height, width } = await picture(values[0], field.channels);
      found[input.name] = new ort.Tensor('uint8', data, [1, height, width, field.channels]);
    } else {
      const { hashing, cyclic } = form.browser.steps[input.name] ?? {};
      let raw = values.flat(9);
      if (hashing) raw = raw.map((value) => bucket(value, hashing));
      if (cyclic) raw = raw.flatMap((value) => circled(value, cyclic));
      found[input.name] = tensor(raw, input.dtype, input.shape, ort);
    }
  }
  for (const [name, values] of Object.entries(padded(texts, given))) {
    const { dtype, shape } = form.browser.inputs[name];
    found[name] = tensor(values, dtype, shape, ort);
  }
  return found;
}

function tensor(values, dtype, shape, ort) {
  // The batch is one row; a size that is open is what the values leave.
  const known = shape.slice(1).reduce((product, size) => (typeof size === 'number' ? product * size : product), 1);
  const sizes = shape.map((size, place) => (place === 0 ? 1 : typeof size === 'number' ? size : values.length / known));
  if (dtype === 'string') return new ort.Tensor('string', values.map(String), sizes);
  if (dtype === 'bool') return new ort.Tensor('bool', Uint8Array.from(values, Number), sizes);
  if (dtype === 'int64') return new ort.Tensor('int64', BigInt64Array.from(values, BigInt), sizes);
  return new ort.Tensor(dtype, ARRAYS[dtype].from(values, (value) => value ?? NaN), sizes);
}

/** A picture file as bytes of [height, width, channels]. */
async function picture(blob, channels) {
  const image = await pixels(blob);
  const size = image.width * image.height;
  if (channels === 4) return { ...sides(image), data: Uint8Array.from(image.data) };
  if (channels === 1) return { ...sides(image), data: greys(image.data) };
  const data = new Uint8Array(3 * size);
  for (let place = 0; place < size; place += 1) {
    for (let c = 0; c < 3; c += 1) data[3 * place + c] = image.data[4 * place + c];
  }
  return { ...sides(image), data };
}

function sides({ height, width }) {
  return { height, width };
}

/** What the outputs say, as `dlc serve` says it. */
export function said(outputs, form) {
  const found = {};
  for (const given of form.outputs) {
    const answer = {};
    const label = outputs[given.label];
    const chances = outputs[given.probabilities];
    if (label) answer.label = nested(label);
    if (chances) {
      const values = numbers(chances);
      if (values.length === 1) {
        answer.probability = values[0];
      } else if (chances.dims.length === 2) {
        if (label) answer.probability = Math.max(...values);
        answer.probabilities = Object.fromEntries(given.classes.map((name, place) => [name, values[place]]));
      } else {
        answer.probabilities = nested(chances);
      }
    } else if (!label) {
      const output = outputs[given.name];
      answer[output.size === 1 ? 'value' : 'values'] = output.size === 1 ? numbers(output)[0] : nested(output);
    }
    found[given.name] = answer;
  }
  return found;
}

function numbers(tensor) {
  return Array.from(tensor.data, (value) => {
    if (typeof value === 'string') return value;
    const number = Number(value);
    return Number.isFinite(number) ? number : null;
  });
}

/** The first row of a tensor as nested lists. */
function nested(tensor) {
  let values = numbers(tensor);
  for (const size of tensor.dims.slice(2).reverse()) {
    values = Array.from({ length: values.length / size }, (_, place) => values.slice(place * size, (place + 1) * size));
  }
  return tensor.dims.length < 2 ? values[0] : values;
}
