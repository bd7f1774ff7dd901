// Answers from `dlc serve`, which this page is from.

const BASE = 'v2/models';
const MOST_TOKENS = 5;

export async function open({ token }) {
  let secret = sessionStorage.getItem('dlc-token') ?? '';

  async function get(path, options = {}, tries = MOST_TOKENS) {
    let response;
    try {
      response = await fetch(path, {
        ...options,
        headers: { ...options.headers, ...(secret ? { Authorization: `Bearer ${secret}` } : {}) },
      });
    } catch {
      throw new Error('The server does not answer.');
    }
    if (response.status === 401 && tries > 0) {
      secret = await token(tries < MOST_TOKENS);
      sessionStorage.setItem('dlc-token', secret);
      return get(path, options, tries - 1);
    }
    const body = await response.json().catch(() => null);
    if (response.ok && body) return body;
    if (response.status === 503) throw new Error('The server is busy; try again in a moment.');
    throw new Error(body?.error ?? `The server answered with ${response.status}.`);
  }

  const models = (await get(BASE)).models.map((model) => model.name ?? model);
  if (!models.length) throw new Error('This server has no models.');
  let chosen = '';
  return {
    models,
    note: `Answers come from ${location.host}.`,
    form: (name) => {
      chosen = encodeURIComponent(name);
      return get(`${BASE}/${chosen}/form`);
    },
    answer: async (row) => {
      const sent = {};
      for (const [column, value] of Object.entries(row)) {
        sent[column] = value instanceof Blob ? await address(value) : value;
      }
      const body = JSON.stringify({ rows: [sent] });
      const headers = { 'Content-Type': 'application/json' };
      return (await get(`${BASE}/${chosen}/rows`, { method: 'POST', headers, body })).answers[0];
    },
  };
}

function address(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Error('The picture cannot be read.'));
    reader.readAsDataURL(blob);
  });
}
