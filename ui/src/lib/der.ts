/** A value of DER (X.690): tag octet, content, and the whole of it. */
export interface Der {
  tag: number;
  content: Uint8Array;
}

/** The values that stand one after another in these octets. */
export function values(octets: Uint8Array): Der[] {
  const found: Der[] = [];
  let at = 0;
  while (at < octets.length) {
    const tag = octets[at++] ?? 0;
    let length = octets[at++] ?? 0;
    if (length & 0x80) {
      let more = length & 0x7f;
      length = 0;
      while (more-- > 0) length = length * 256 + (octets[at++] ?? 0);
    }
    if (at + length > octets.length) throw new Error('DER ends too early');
    found.push({ tag, content: octets.subarray(at, at + length) });
    at += length;
  }
  return found;
}

export function first(octets: Uint8Array): Der {
  const [value] = values(octets);
  if (!value) throw new Error('DER is empty');
  return value;
}

export function oid(content: Uint8Array): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const octet of content) {
    arc = arc * 128 + (octet & 0x7f);
    if (!(octet & 0x80)) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const top = arcs.shift() ?? 0;
  const head = Math.min(2, Math.floor(top / 40));
  return [head, top - head * 40, ...arcs].join('.');
}

const hex = (octets: Uint8Array): string => [...octets].map((octet) => octet.toString(16).padStart(2, '0')).join(':');

/** A serial number as the API writes it: without the octet that only keeps it positive. */
export const serial = (content: Uint8Array): string => hex(content.length > 1 && content[0] === 0 ? content.subarray(1) : content);

export const text = (octets: Uint8Array): string => new TextDecoder().decode(octets);

/** UTCTime or GeneralizedTime (RFC 5280 §4.1.2.5) as ISO 8601. */
export function time({ tag, content }: Der): string {
  const digits = text(content);
  const full = tag === 0x17 ? `${Number(digits.slice(0, 2)) < 50 ? '20' : '19'}${digits}` : digits;
  return full.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d).*$/, '$1-$2-$3T$4:$5:$6Z');
}

function part(tag: number, ...contents: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = contents.reduce((sum, content) => sum + content.length, 0);
  const sizes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) sizes.unshift(rest % 256);
  const head = length < 128 ? [tag, length] : [tag, 0x80 | sizes.length, ...sizes];
  const whole = new Uint8Array(head.length + length);
  whole.set(head);
  let at = head.length;
  for (const content of contents) {
    whole.set(content, at);
    at += content.length;
  }
  return whole;
}

/** Writers of DER. */
export const der = {
  part,
  sequence: (...contents: Uint8Array[]) => part(0x30, ...contents),
  set: (...contents: Uint8Array[]) => part(0x31, ...contents),
  octetString: (...contents: Uint8Array[]) => part(0x04, ...contents),
  explicit: (number: number, ...contents: Uint8Array[]) => part(0xa0 | number, ...contents),
  none: () => part(0x05),
  integer(value: number) {
    const octets: number[] = [];
    for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
    if (octets.length === 0 || (octets[0] ?? 0) & 0x80) octets.unshift(0);
    return part(0x02, Uint8Array.from(octets));
  },
  oid(name: string) {
    const [head = 0, second = 0, ...rest] = name.split('.').map(Number);
    const octets = [head * 40 + second, ...rest].flatMap((arc) => {
      const digits = [arc % 128];
      for (let more = Math.floor(arc / 128); more > 0; more = Math.floor(more / 128)) digits.unshift((more % 128) | 0x80);
      return digits;
    });
    return part(0x06, Uint8Array.from(octets));
  },
};
