// Texts to tokens by the tables of a form, exactly as the library that training used.

/** The tokens of one text. */
export function tokens(text, given) {
  const [before, after] = given.around;
  const found = numbered(normalized(wellFormed(text), given.normalize), given);
  const most = given.most === null ? Infinity : given.most - before.length - after.length;
  const kept = given.end === 'left' ? found.slice(Math.max(0, found.length - most)) : found.slice(0, most);
  return [...before, ...kept, ...after];
}

/** What tokenized inputs and those that they fill get, for one row: {name: values}. */
export function padded(rows, given) {
  const found = {};
  const longest = {};
  for (const [name, row] of Object.entries(rows)) {
    const { dim, least } = given[name].padding;
    const key = dim || `/${name}`;
    longest[key] = Math.max(longest[key] ?? 1, row.length, least, 1);
  }
  for (const [name, row] of Object.entries(rows)) {
    const { dim, value, lengths, mask, segments } = given[name].padding;
    const size = longest[dim || `/${name}`];
    found[name] = Array.from({ length: size }, (_, place) => row[place] ?? value);
    if (lengths) found[lengths] = [Math.max(row.length, 1)];
    if (mask) found[mask] = found[name].map((_, place) => place >= row.length);
    if (segments) found[segments] = found[name].map(() => 0);
  }
  return found;
}

function wellFormed(text) {
  // A half of a pair of surrogates is no character, and no bytes stand for it.
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

function normalized(text, steps) {
  for (const step of steps) {
    // Each character by itself: the language and its neighbours do not matter.
    text = step === 'Lowercase' ? Array.from(text, (c) => c.toLowerCase()).join('') : text.normalize(step);
  }
  return text;
}

function numbered(text, given) {
  if (given.cut === 'bytes') return Array.from(new TextEncoder().encode(text), (byte) => given.bytes[byte]);
  given.places ??= new Map(given.vocabulary.map((word, place) => [word, place]));
  const cut = pieces(text, given);
  if (given.pieces) return cut.flatMap((word) => parts(word, given));
  return cut.map((piece) => given.places.get(piece) ?? given.unknown);
}

/** The longest known pieces that a word is made of, from its beginning on. */
function parts(word, { places, pieces: { prefix, longest }, unknown }) {
  const characters = Array.from(word);
  if (characters.length > longest) return [unknown];
  const found = [];
  for (let start = 0, end; start < characters.length; start = end) {
    let place;
    for (end = characters.length; end > start; end -= 1) {
      place = places.get((start ? prefix : '') + characters.slice(start, end).join(''));
      if (place !== undefined) break;
    }
    if (place === undefined) return [unknown];
    found.push(place);
  }
  return found;
}

function pieces(text, given) {
  const characters = Array.from(text);
  if (given.cut === 'characters') return characters;
  given.alone ??= new Set(given.punctuation);
  given.between ??= new Set(given.spaces);
  const found = [];
  let word = '';
  const end = () => {
    if (word) found.push(word);
    word = '';
  };
  for (const character of characters) {
    if (given.between.has(character)) {
      end();
    } else if (given.alone.has(character)) {
      end();
      found.push(character);
    } else {
      word += character;
    }
  }
  end();
  return found;
}
