// The page: a form made from the model's description, and its answers as bars.

import { field } from './fields.js';
import { show } from './answers.js';

const $ = (id) => document.getElementById(id);
const kind = document.querySelector('meta[name=dlc-backend]').content;
const PAUSE = 250;

let backend, form, fields = [], asked = 0, timer = 0;

async function start() {
  const { open } = await import(kind === 'browser' ? './browser.js' : './server.js');
  backend = await open({ token: askForToken, progress: (text) => waiting(text) });
  $('where').textContent = backend.note;
  if (backend.models.length > 1) {
    $('model').replaceChildren(...backend.models.map((name) => new Option(name, name)));
    $('models').hidden = false;
    $('model').addEventListener('change', () => guarded(() => choose($('model').value)));
  }
  await choose(backend.models[0]);
}

async function choose(name) {
  form = await backend.form(name);
  const title = form.model || name;
  document.title = `${title} – try the model`;
  $('title').textContent = title;
  $('facts').textContent = Object.entries(form.metrics)
    .slice(0, 4)
    .map(([metric, value]) => `${metric.replaceAll('_', ' ')} ${+value.toPrecision(4)}`)
    .join(' · ');
  build();
  examples();
  said('Nothing is asked yet.', true);
  if (fields.every((one) => one.filled())) ask();
}

function build() {
  fields = form.inputs.flatMap((input) =>
    input.fields.map((given) => field(given, input, { changed: soon })),
  );
  $('fields').replaceChildren(...fields.map((one) => one.element));
}

function examples() {
  const given = form.examples || [];
  $('examples').hidden = !given.length;
  $('examples').replaceChildren(
    ...given.map((example, index) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = example.title || `Example ${index + 1}`;
      button.addEventListener('click', async () => {
        for (const one of fields) await one.fill(example.row);
        ask();
      });
      return button;
    }),
  );
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(() => fields.every((one) => one.filled()) && ask(), PAUSE);
}

async function ask({ focus = false } = {}) {
  clearTimeout(timer);
  const turn = ++asked;
  await guarded(async () => {
    const row = {};
    let first = null;
    for (const one of fields) {
      try {
        Object.assign(row, await one.values());
        one.wrong('');
      } catch (error) {
        one.wrong(error.message);
        first ??= one;
      }
    }
    if (first) {
      if (focus) first.control.focus();
      throw new Error('Some of what is asked is not right yet.');
    }
    if (!$('details').childElementCount) waiting('The model is asked …');
    const began = performance.now();
    const answer = await backend.answer(row);
    // An answer that a later question has overtaken is not shown.
    if (turn !== asked) return;
    const took = performance.now() - began;
    $('problem').hidden = true;
    said(show(answer, form, $('details')));
    $('took').textContent = `answered in ${took < 10 ? took.toFixed(1) : Math.round(took)} ms`;
  }, turn);
}

async function guarded(work, turn = asked) {
  try {
    await work();
  } catch (error) {
    if (turn !== asked) return;
    said('No answer.', true);
    $('details').replaceChildren();
    $('took').textContent = '';
    $('problem').textContent = error.message;
    $('problem').hidden = false;
  }
}

function said(text, quiet = false) {
  $('said').textContent = text;
  $('said').classList.toggle('waiting', quiet);
}

function waiting(text) {
  said(text, true);
}

/** Asks for the token of the server; `again` where the one before was not right. */
function askForToken(again) {
  const dialog = $('locked');
  $('token').value = '';
  $('refused').hidden = !again;
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener('close', () => resolve($('token').value), { once: true }),
  );
}

$('form').addEventListener('submit', (event) => {
  event.preventDefault();
  ask({ focus: true });
});
$('reset').addEventListener('click', () => {
  asked += 1;
  build();
  $('details').replaceChildren();
  $('took').textContent = '';
  $('problem').hidden = true;
  said('Nothing is asked yet.', true);
  if (fields.every((one) => one.filled())) ask();
});

guarded(start);
