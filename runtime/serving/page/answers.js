// What a model answered: classes as bars, numbers as numbers, pictures as pictures.

const MOST_BARS = 10;
const MOST_NUMBERS = 200;

/** Shows an answer below `place`; gives it in one sentence. */
export function show(answer, form, place) {
  const parts = [];
  const shown = form.outputs.map((output) => {
    const found = answer[output.name];
    const [sentence, ...elements] = one(found);
    const several = form.outputs.length > 1;
    parts.push(several ? `${output.name}: ${sentence}` : sentence);
    return several ? [heading(output.name), ...elements] : elements;
  });
  place.replaceChildren(...shown.flat());
  return parts.join(' · ');
}

/** One output: the sentence, then elements. */
function one(found) {
  const label = found.label === undefined ? '' : [found.label].flat(9).join(' ');
  const many = found.values ?? (Array.isArray(found.probabilities) ? found.probabilities : undefined);
  if (many !== undefined) return numbers([many].flat(9), sizes(many), label);
  if (found.value !== undefined) return numbers([found.value], [], label);
  if (found.probabilities) {
    const entries = Object.entries(found.probabilities).sort((a, b) => (b[1] ?? -1) - (a[1] ?? -1));
    const best = found.label ?? entries[0][0];
    return [`${best}, ${percent(found.probabilities[best] ?? found.probability)}`, bars(entries, best)];
  }
  if (found.probability !== undefined) {
    return [percent(found.probability), bars([['yes', found.probability]], 'yes')];
  }
  return [label];
}

/** The sizes of a nested list. */
function sizes(values) {
  return Array.isArray(values) ? [values.length, ...sizes(values[0])] : [];
}

function bars(entries, best) {
  const list = document.createElement('ol');
  list.className = 'bars';
  const rows = entries.map(([name, share]) => {
    const row = document.createElement('li');
    row.className = name === best ? 'best' : '';
    const fill = part('fill', '');
    fill.style.width = `${100 * Math.min(1, Math.max(0, share ?? 0))}%`;
    const track = part('track', '');
    track.append(fill);
    row.append(part('name', name), track, part('share', percent(share)));
    return row;
  });
  list.append(...rows.slice(0, MOST_BARS));
  if (rows.length <= MOST_BARS) return list;
  const box = document.createElement('div');
  const more = document.createElement('button');
  more.type = 'button';
  more.className = 'link';
  more.textContent = `show all ${rows.length}`;
  more.addEventListener('click', () => {
    list.append(...rows.slice(MOST_BARS));
    more.remove();
  });
  box.append(list, more);
  return box;
}

function numbers(values, shape, label) {
  if (values.length === 1) {
    const single = part('single', written(values[0]));
    return [label || single.textContent, single];
  }
  const [channels, height, width] = shape;
  if (shape.length === 3 && [1, 3].includes(channels) && height > 3 && width > 3) {
    return [label || `a picture of ${height} × ${width}`, picture(values, channels, height, width)];
  }
  const box = document.createElement('p');
  box.className = 'values';
  box.tabIndex = 0;
  box.textContent =
    values.slice(0, MOST_NUMBERS).map(written).join('  ') +
    (values.length > MOST_NUMBERS ? `  … ${values.length - MOST_NUMBERS} more` : '');
  return [label || `${values.length} numbers (${shape.join(' × ')})`, box];
}

function picture(values, channels, height, width) {
  const known = values.filter((value) => value !== null);
  const low = Math.min(0, known.reduce((a, b) => Math.min(a, b), Infinity));
  const high = Math.max(1, known.reduce((a, b) => Math.max(a, b), -Infinity));
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height, className: 'drawn' });
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', 'the picture that the model gives');
  const context = canvas.getContext('2d');
  const image = context.createImageData(width, height);
  const size = height * width;
  for (let place = 0; place < size; place += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      const value = values[(channels === 3 ? channel : 0) * size + place] ?? 0;
      image.data[4 * place + channel] = (255 * (value - low)) / (high - low);
    }
    image.data[4 * place + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

function heading(text) {
  const element = document.createElement('h3');
  element.textContent = text;
  return element;
}

function part(name, text) {
  const element = document.createElement('span');
  element.className = name;
  element.textContent = text;
  return element;
}

function percent(share) {
  if (share === null || share === undefined) return 'no number';
  const shown = 100 * share;
  return `${shown > 0 && shown < 0.1 ? '< 0.1' : shown > 99.9 && shown < 100 ? '> 99.9' : shown.toFixed(1)} %`;
}

function written(value) {
  return typeof value === 'number' ? String(+value.toPrecision(5)) : String(value ?? 'no number');
}
