// Steps that run before the model file, as training ran them: buckets of categories, dates.

const PERIODS = {
  month: ({ month }) => (month - 1) / 12,
  day: ({ year, month, day }) => (day - 1) / daysBefore(year, month + 1, month),
  yearday: ({ year, month, day }) => (daysBefore(year, month) + day - 1) / daysBefore(year, 13),
  // The first of January of year 1 was a Monday.
  weekday: ({ year, month, day }) => {
    const y = year - 1;
    const days = 365 * y + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400);
    return ((days + daysBefore(year, month) + day - 1) % 7) / 7;
  },
  hour: ({ hour }) => hour / 24,
  minute: ({ minute }) => minute / 60,
  second: ({ second }) => second / 60,
};
const DATE = /^\s*(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?\s*$/;

/** A date or time as points on circles: a sine and a cosine for each part. It is taken as
 * written, whatever the zone. */
export function circled(text, { parts }) {
  const found = DATE.exec(text);
  const [year, month, day, hour, minute, second] = (found ?? []).slice(1).map((digits) => Number(digits ?? 0));
  const fits = found && month >= 1 && month <= 12 && day >= 1 && day <= daysBefore(year, month + 1, month);
  if (!fits || year < 1 || hour > 23 || minute > 59 || second > 59) {
    throw new Error(`“${text}” is no date: write it as 2024-05-01 or 2024-05-01T13:05.`);
  }
  return parts.flatMap((part) => {
    const angle = 2 * Math.PI * PERIODS[part]({ year, month, day, hour, minute, second });
    return [Math.sin(angle), Math.cos(angle)];
  });
}

/** The days of a year before a month, from another month on. */
function daysBefore(year, month, from = 1) {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  let days = 0;
  for (let each = from; each < month; each += 1) {
    days += each === 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].includes(each) ? 30 : 31;
  }
  return days;
}

/** The bucket of a category: the first eight bytes of its BLAKE2b, modulo their number. */
export function bucket(category, { buckets, seed }) {
  return Number(blake2b(new TextEncoder().encode(String(category)), BigInt(seed)) % BigInt(buckets));
}

const BLOCK = 128;
const WORD = (1n << 64n) - 1n;
const START = [
  0x6a09e667f3bcc908n, 0xbb67ae8584caa73bn, 0x3c6ef372fe94f82bn, 0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n, 0x9b05688c2b3e6c1fn, 0x1f83d9abfb41bd6bn, 0x5be0cd19137e2179n,
];
const ORDERS = [
  '0123456789abcdef', 'ea489fd61c02b753', 'b8c052fdae367194', '7931dcbe265a40f8',
  '905724afe1bc683d', '2c6a0b834d75fe19', 'c51fed4a0763928b', 'db7ec13950f4862a',
  '6fe9b308c2d714a5', 'a2847615fb9e3cd0',
].map((row) => Array.from(row, (digit) => parseInt(digit, 16)));

/** The first 64 bits of BLAKE2b with a digest of eight bytes (RFC 7693), salted by a number. */
function blake2b(bytes, salt) {
  const state = [...START];
  state[0] ^= 0x01010008n;
  state[4] ^= salt;
  const blocks = Math.max(1, Math.ceil(bytes.length / BLOCK));
  for (let block = 0; block < blocks; block += 1) {
    const last = block === blocks - 1;
    const padded = new DataView(new ArrayBuffer(BLOCK));
    bytes.slice(block * BLOCK, (block + 1) * BLOCK).forEach((byte, place) => padded.setUint8(place, byte));
    const words = Array.from({ length: 16 }, (_, place) => padded.getBigUint64(8 * place, true));
    const done = BigInt(last ? bytes.length : (block + 1) * BLOCK);
    const v = [...state, ...START];
    v[12] ^= done;
    if (last) v[14] ^= WORD;
    const turn = (value, by) => (value >> by) | ((value << (64n - by)) & WORD);
    const mix = (a, b, c, d, x, y) => {
      v[a] = (v[a] + v[b] + x) & WORD;
      v[d] = turn(v[d] ^ v[a], 32n);
      v[c] = (v[c] + v[d]) & WORD;
      v[b] = turn(v[b] ^ v[c], 24n);
      v[a] = (v[a] + v[b] + y) & WORD;
      v[d] = turn(v[d] ^ v[a], 16n);
      v[c] = (v[c] + v[d]) & WORD;
      v[b] = turn(v[b] ^ v[c], 63n);
    };
    for (let round = 0; round < 12; round += 1) {
      const m = ORDERS[round % 10].map((place) => words[place]);
      for (let k = 0; k < 4; k += 1) mix(k, 4 + k, 8 + k, 12 + k, m[2 * k], m[2 * k + 1]);
      for (let k = 0; k < 4; k += 1) {
        mix(k, 4 + ((k + 1) % 4), 8 + ((k + 2) % 4), 12 + ((k + 3) % 4), m[8 + 2 * k], m[9 + 2 * k]);
      }
    }
    for (let k = 0; k < 8; k += 1) state[k] ^= v[k] ^ v[k + 8];
  }
  return state[0];
}
