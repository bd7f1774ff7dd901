// Controls for the columns of a row. Each gives:
//   element, control   what is shown, and what takes the focus
//   filled()           whether it holds something to ask about
//   values()           {column: value}; throws an Error that says what is wrong
//   fill(row)          takes the values of an example
//   wrong(text)        shows what is wrong with it, or nothing

import { picture } from './picture.js';

const MOST_OPTIONS = 30;
let count = 0;

export function field(given, input, { changed }) {
  const made = kinds[given.kind](given, input, changed);
  made.wrong ??= (text) => {
    made.message.textContent = text;
    made.message.hidden = !text;
    made.control.setAttribute('aria-invalid', text ? 'true' : 'false');
  };
  return made;
}

const kinds = { number, choice, choices, flag, text, date, numbers, image: picture };

/** A labelled control in a box, with room for a note and for what is wrong. */
export function framed(title, control, { note = '', className = '' } = {}) {
  const id = `field-${++count}`;
  const element = make('div', { className: `field ${className}` });
  const label = make('label', { htmlFor: id, textContent: title });
  control.id = id;
  const message = make('p', { className: 'wrong', id: `${id}-wrong`, hidden: true });
  const described = [`${id}-wrong`];
  element.append(label, control);
  if (note) {
    element.append(make('p', { className: 'note', id: `${id}-note`, textContent: note }));
    described.unshift(`${id}-note`);
  }
  control.setAttribute('aria-describedby', described.join(' '));
  element.append(message);
  return { element, control, message };
}

export function make(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties);
}

function number(given, input, changed) {
  const [column] = given.columns;
  const { low, high, typical, whole, optional } = given;
  const control = make('input', { type: 'number', step: whole ? '1' : 'any', inputMode: 'decimal' });
  const ranged = low !== undefined && high !== undefined && low < high;
  const note = ranged ? `usually ${low} to ${high}` : '';
  const made = framed(column, control, {
    note: [note, optional ? 'may be left empty' : ''].filter(Boolean).join('; '),
    className: ranged ? 'number' : 'number alone',
  });
  const start = typical ?? (ranged ? (low + high) / 2 : undefined);
  const rounded = (value) => (whole ? Math.round(value) : +value.toPrecision(4));
  if (start !== undefined) control.value = rounded(start);
  if (ranged) {
    const slider = make('input', { type: 'range', min: low, max: high });
    slider.step = whole ? 1 : 'any';
    slider.value = start;
    slider.setAttribute('aria-label', `${column}, slider`);
    slider.addEventListener('input', () => {
      control.value = rounded(Number(slider.value));
      changed();
    });
    control.addEventListener('input', () => {
      slider.value = control.value;
    });
    control.before(slider);
  }
  control.addEventListener('input', changed);
  return {
    ...made,
    filled: () => optional || control.value !== '' || !control.validity.valid,
    values: () => ({ [column]: parsed(control, optional, whole) }),
    fill: (row) => {
      if (!(column in row)) return;
      control.value = row[column] ?? '';
      control.dispatchEvent(new Event('input'));
    },
  };
}

function parsed(control, optional, whole) {
  if (control.validity.badInput) throw new Error('This is no number.');
  if (control.value === '') {
    if (optional) return null;
    throw new Error('A number is wanted here.');
  }
  const value = Number(control.value);
  if (!Number.isFinite(value)) throw new Error('This is no number.');
  if (whole && !Number.isInteger(value)) throw new Error('A whole number is wanted here.');
  return value;
}

function choice(given, input, changed) {
  const [column] = given.columns;
  const read = (word) => (given.whole ? Number(word) : word);
  let control, list;
  if (given.choices.length <= MOST_OPTIONS) {
    control = make('select');
    control.append(...given.choices.map((word) => new Option(word, word)));
  } else {
    control = make('input', { type: 'text', value: given.choices[0] });
    list = make('datalist', { id: `list-${++count}` });
    list.append(...given.choices.map((word) => new Option(word, word)));
    control.setAttribute('list', list.id);
  }
  const made = framed(column, control);
  if (list) made.element.append(list);
  control.addEventListener('input', changed);
  return {
    ...made,
    filled: () => control.value !== '',
    values: () => {
      if (given.whole && !Number.isInteger(read(control.value))) {
        throw new Error('A whole number is wanted here.');
      }
      return { [column]: read(control.value) };
    },
    fill: (row) => {
      if (!(column in row)) return;
      const word = String(row[column]);
      // What an example holds may be a category that training did not see.
      if (control.options && !given.choices.includes(word)) control.append(new Option(word, word));
      control.value = word;
    },
  };
}

function choices(given, input, changed) {
  const [column] = given.columns;
  const element = make('fieldset', { className: 'field' });
  const boxes = make('div', { className: 'boxes' });
  const checks = given.choices.map((word) => {
    const check = make('input', { type: 'checkbox', value: word });
    check.addEventListener('change', changed);
    const label = make('label');
    label.append(check, word);
    boxes.append(label);
    return check;
  });
  const message = make('p', { className: 'wrong', hidden: true });
  element.append(make('legend', { textContent: column }), boxes, message);
  return {
    element,
    message,
    control: checks[0],
    filled: () => true,
    values: () => ({
      [column]: checks
        .filter((check) => check.checked)
        .map((check) => check.value)
        .join(given.separator),
    }),
    fill: (row) => {
      if (!(column in row)) return;
      const words = String(row[column]).split(given.separator);
      for (const check of checks) check.checked = words.includes(check.value);
    },
  };
}

function flag(given, input, changed) {
  const [column] = given.columns;
  const control = make('input', { type: 'checkbox' });
  control.addEventListener('change', changed);
  return {
    ...framed(column, control, { className: 'flag' }),
    filled: () => true,
    values: () => ({ [column]: control.checked }),
    fill: (row) => {
      if (column in row) control.checked = Boolean(row[column]);
    },
  };
}

function text(given, input, changed) {
  const [column] = given.columns;
  const control = given.long ? make('textarea', { rows: 5 }) : make('input', { type: 'text' });
  if (given.whole) control.inputMode = 'numeric';
  control.addEventListener('input', changed);
  return {
    ...framed(column, control, { note: given.words === 1 ? 'one word' : '' }),
    filled: () => control.value.trim() !== '',
    values: () => {
      if (!given.whole) return { [column]: control.value };
      const value = Number(control.value);
      if (control.value.trim() === '' || !Number.isInteger(value)) {
        throw new Error('A whole number is wanted here.');
      }
      return { [column]: value };
    },
    fill: (row) => {
      if (column in row) control.value = row[column];
    },
  };
}

function date(given, input, changed) {
  const [column] = given.columns;
  const control = make('input', { type: given.time ? 'datetime-local' : 'date' });
  control.addEventListener('input', changed);
  return {
    ...framed(column, control),
    filled: () => control.value !== '',
    values: () => {
      if (!control.value) throw new Error('A date is wanted here.');
      return { [column]: control.value };
    },
    fill: (row) => {
      if (column in row) control.value = String(row[column]).slice(0, given.time ? 16 : 10);
    },
  };
}

function numbers(given, input, changed) {
  const { columns, each, texts } = given;
  const control = make('textarea', { rows: 4, spellcheck: false });
  const title = columns.length === 1 ? columns[0] : `${columns[0]} … ${columns.at(-1)}`;
  const what = texts ? 'texts, one a line' : `${given.whole ? 'whole ' : ''}numbers`;
  const many = given.count !== null ? `${given.count} ${what}` : each > 1 ? `${what}, a multiple of ${each}` : what;
  if (given.typical) control.value = given.typical.join(' ');
  control.addEventListener('input', changed);
  const read = () => {
    if (texts) return control.value.split('\n').filter((line) => line !== '');
    const words = control.value.split(/[\s,;]+/).filter(Boolean);
    return words.map((word) => {
      if (given.optional && ['nan', 'null', '-'].includes(word.toLowerCase())) return null;
      const value = Number(word);
      if (!Number.isFinite(value)) throw new Error(`“${word}” is no number.`);
      if (given.whole && !Number.isInteger(value)) throw new Error(`“${word}” is no whole number.`);
      return value;
    });
  };
  return {
    ...framed(title, control, { note: texts ? many : `${many}, separated by spaces or commas` }),
    filled: () => control.value.trim() !== '',
    values: () => {
      const found = read();
      const fits = given.count !== null ? found.length === given.count : found.length && found.length % each === 0;
      if (!fits) throw new Error(`${many} are wanted here, these are ${found.length}.`);
      return spread(columns, found);
    },
    fill: (row) => {
      const found = columns.filter((column) => column in row).map((column) => row[column]);
      if (found.length) control.value = found.flat(9).join(texts ? '\n' : ' ');
    },
  };
}

/** A list of values over the columns that hold them. */
export function spread(columns, found) {
  if (columns.length === 1) return { [columns[0]]: found.length === 1 ? found[0] : found };
  const each = found.length / columns.length;
  return Object.fromEntries(
    columns.map((column, index) => [
      column,
      each === 1 ? found[index] : found.slice(index * each, (index + 1) * each),
    ]),
  );
}
