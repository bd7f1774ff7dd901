// A picture: drawn, dropped, pasted or chosen. What the model gets of it is shown beside it.

import { make, spread } from './fields.js';
import { boxed, greys, pixels, scaled } from './pixels.js';

const SIDE = 280;
const MOST_BYTES = 6 << 20;
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEP = 8;
let count = 0;

export function picture(given, input, changed) {
  const { columns, channels, height, width, content, white } = given;
  const name = columns.length === 1 ? columns[0] : input.name;
  const tall = height && width ? Math.round((SIDE * height) / width) : SIDE;
  const id = `picture-${++count}`;
  const element = make('fieldset', { className: 'field' });
  const pad = make('div', { className: 'pad' });
  const canvas = make('canvas', { width: SIDE, height: Math.min(tall, 2 * SIDE), tabIndex: 0, id });
  canvas.setAttribute('role', 'application');
  canvas.setAttribute('aria-roledescription', 'drawing area');
  canvas.setAttribute('aria-describedby', `${id}-note ${id}-wrong`);
  pad.append(canvas);
  const context = canvas.getContext('2d', { willReadFrequently: true });

  // Small pictures of numbers are mostly light on dark, as those of digits are.
  const dark = make('input', { type: 'checkbox', checked: channels === 1 });
  const fit = make('input', { type: 'checkbox', checked: content === 'numbers' && height >= 20 });
  const file = make('input', { type: 'file', accept: 'image/*', hidden: true });
  const choose = make('button', { type: 'button', textContent: 'Choose a picture' });
  const clear = make('button', { type: 'button', textContent: 'Clear' });
  const tools = make('div', { className: 'tools' });
  tools.append(choose, clear, file, labelled(dark, 'light on dark'));
  if (content === 'numbers') tools.append(labelled(fit, 'centre what is drawn'));

  const seen = make('div', { className: 'seen' });
  const preview = make('canvas', { width: width ?? 64, height: height ?? 64 });
  preview.setAttribute('role', 'img');
  preview.setAttribute('aria-label', 'what the model sees');
  seen.append(preview, make('span', { textContent: 'what the model sees' }));
  const box = make('div', { className: 'picture' });
  box.append(pad, seen);
  const size = height && width ? `${height} × ${width} pixels` : 'any size';
  const note = make('p', {
    className: 'note',
    id: `${id}-note`,
    textContent:
      `Draw, drop, paste or choose a picture; the model takes ${size}. ` +
      'By keyboard: arrow keys move the pen, space puts it down or lifts it.',
  });
  note.setAttribute('aria-live', 'polite');
  const message = make('p', { className: 'wrong', id: `${id}-wrong`, hidden: true });
  element.append(make('legend', { textContent: name }), box, tools, note, message);

  // A picture file that was given, or null for what is drawn.
  let source = null;
  let drawn = false;
  let pen = { x: SIDE / 2, y: canvas.height / 2, down: false };
  const ink = () => (dark.checked ? '#fff' : '#000');
  const paper = () => (dark.checked ? '#000' : '#fff');
  const thick = () => (content === 'numbers' && height <= 64 ? SIDE / 13 : 7);

  function empty() {
    source = null;
    drawn = false;
    pen = { x: SIDE / 2, y: canvas.height / 2, down: false };
    context.fillStyle = paper();
    context.fillRect(0, 0, canvas.width, canvas.height);
    describe();
    look();
  }

  function describe() {
    const what = source ? `the picture ${source.name || 'that was pasted'}` : drawn ? 'a drawing' : 'nothing is drawn yet';
    canvas.setAttribute('aria-label', `${name}: ${what}`);
  }

  function line(from, to) {
    if (source) empty();
    Object.assign(context, { lineCap: 'round', lineJoin: 'round', lineWidth: thick(), strokeStyle: ink() });
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
    drawn = true;
    describe();
  }

  /** The picture as RGBA at the size that the model takes, where it has one. */
  async function current() {
    let image = source ? await pixels(source) : context.getImageData(0, 0, canvas.width, canvas.height);
    if (!source && fit.checked && content === 'numbers') image = boxed(image, dark.checked, width / height);
    return height && width ? scaled(image, width, height) : image;
  }

  async function look() {
    const image = await current();
    const most = 128;
    const ratio = Math.min(1, most / Math.max(image.width, image.height));
    const shown = ratio < 1 ? scaled(image, Math.ceil(image.width * ratio), Math.ceil(image.height * ratio)) : image;
    preview.width = shown.width;
    preview.height = shown.height;
    const copy = preview.getContext('2d').createImageData(shown.width, shown.height);
    const grey = channels === 1 ? greys(shown.data) : null;
    for (let place = 0; place < shown.width * shown.height; place += 1) {
      for (let c = 0; c < 3; c += 1) copy.data[4 * place + c] = grey ? grey[place] : shown.data[4 * place + c];
      copy.data[4 * place + 3] = 255;
    }
    preview.getContext('2d').putImageData(copy, 0, 0);
  }

  async function take(blob) {
    if (!blob) return;
    try {
      const bitmap = await createImageBitmap(blob);
      source = blob;
      drawn = true;
      context.fillStyle = paper();
      context.fillRect(0, 0, canvas.width, canvas.height);
      const ratio = Math.min(canvas.width / bitmap.width, canvas.height / bitmap.height);
      const [w, h] = [bitmap.width * ratio, bitmap.height * ratio];
      context.drawImage(bitmap, (canvas.width - w) / 2, (canvas.height - h) / 2, w, h);
      bitmap.close();
      made.wrong('');
    } catch {
      made.wrong('This file is no picture that the browser can read.');
      return;
    }
    describe();
    await look();
    changed();
  }

  const place = (event) => {
    const rectangle = canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - rectangle.left) * canvas.width) / rectangle.width,
      y: ((event.clientY - rectangle.top) * canvas.height) / rectangle.height,
    };
  };
  let last = null;
  canvas.addEventListener('pointerdown', (event) => {
    if (event.button) return;
    if (event.isTrusted) canvas.setPointerCapture(event.pointerId);
    last = place(event);
    line(last, last);
    look();
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!last) return;
    const next = place(event);
    line(last, next);
    last = next;
  });
  for (const name of ['pointerup', 'pointercancel']) {
    canvas.addEventListener(name, () => {
      if (!last) return;
      last = null;
      look();
      changed();
    });
  }
  canvas.addEventListener('keydown', (event) => {
    if (event.key === ' ') {
      pen.down = !pen.down;
      if (pen.down) line(pen, pen);
    } else if (KEYS[event.key]) {
      const [x, y] = KEYS[event.key];
      const next = {
        x: Math.min(canvas.width, Math.max(0, pen.x + STEP * x)),
        y: Math.min(canvas.height, Math.max(0, pen.y + STEP * y)),
      };
      if (pen.down) line(pen, next);
      pen = { ...next, down: pen.down };
    } else {
      return;
    }
    event.preventDefault();
    note.textContent = `The pen is ${pen.down ? 'down' : 'up'} at ${Math.round(pen.x)}, ${Math.round(pen.y)} of ${canvas.width} × ${canvas.height}.`;
    if (pen.down || event.key === ' ') {
      look();
      changed();
    }
  });
  pad.addEventListener('dragover', (event) => {
    event.preventDefault();
    pad.classList.add('over');
  });
  pad.addEventListener('dragleave', () => pad.classList.remove('over'));
  pad.addEventListener('drop', (event) => {
    event.preventDefault();
    pad.classList.remove('over');
    take(event.dataTransfer.files[0]);
  });
  document.addEventListener('paste', (event) => {
    if (!element.isConnected || !event.clipboardData?.files.length) return;
    // Of several, the one that has the focus takes it, else the first.
    const held = document.activeElement?.closest('fieldset:has(.pad)');
    if (held ? held === element : document.querySelector('.pad') === pad) take(event.clipboardData.files[0]);
  });
  choose.addEventListener('click', () => file.click());
  file.addEventListener('change', () => {
    take(file.files[0]);
    file.value = '';
  });
  clear.addEventListener('click', empty);
  dark.addEventListener('change', empty);
  fit.addEventListener('change', () => {
    look();
    if (drawn) changed();
  });

  /** A picture file for a column of such: the very file that was given, where it fits. */
  async function asFile() {
    const image = await current();
    const whole = source && /^image\/(png|jpeg)$/.test(source.type) && source.size <= MOST_BYTES;
    if (whole) {
      if (!height) return source;
      const own = await pixels(source);
      if (own.width === width && own.height === height) return source;
    }
    return png(image);
  }

  async function asNumbers() {
    const { data } = await current();
    const plane = height * width;
    const whole = input.dtype.includes('int');
    const grey = channels === 1 ? greys(data) : null;
    const found = new Array(channels * plane);
    for (let place = 0; place < plane; place += 1) {
      for (let c = 0; c < channels; c += 1) {
        const value = ((grey ? grey[place] : data[4 * place + c]) * white) / 255;
        found[c * plane + place] = whole ? Math.round(value) : value;
      }
    }
    return spread(columns, found);
  }

  const made = {
    element,
    message,
    control: canvas,
    filled: () => drawn,
    values: async () => {
      if (!drawn) throw new Error('Draw or choose a picture.');
      return content === 'numbers' ? asNumbers() : { [columns[0]]: await asFile() };
    },
    fill: async (row) => {
      if (!columns.every((column) => column in row)) return;
      if (content === 'numbers') {
        await take(await png(fromNumbers(columns.map((column) => row[column]).flat(9), given)));
      } else {
        await take(await (await fetch(row[columns[0]])).blob());
      }
    },
    wrong: (text) => {
      message.textContent = text;
      message.hidden = !text;
    },
  };
  empty();
  return made;
}

function labelled(control, text) {
  const label = make('label');
  label.append(control, text);
  return label;
}

function fromNumbers(values, { channels, height, width, white }) {
  const image = new ImageData(width, height);
  const plane = height * width;
  for (let place = 0; place < plane; place += 1) {
    for (let c = 0; c < 4; c += 1) {
      const value = c < channels || (channels === 1 && c < 3) ? values[(channels === 1 ? 0 : c) * plane + place] : white;
      image.data[4 * place + c] = Math.round((255 * value) / white);
    }
  }
  return image;
}

function png(image) {
  const canvas = make('canvas', { width: image.width, height: image.height });
  canvas.getContext('2d').putImageData(image, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
}
