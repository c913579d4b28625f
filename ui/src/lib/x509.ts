import { first, oid, serial, text, time, values, type Der } from './der';

const ATTRIBUTES: Record<string, string> = {
  '2.5.4.3': 'CN', '2.5.4.5': 'serialNumber', '2.5.4.6': 'C', '2.5.4.7': 'L', '2.5.4.8': 'ST', '2.5.4.9': 'street', '2.5.4.10': 'O', '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.25': 'DC', '1.2.840.113549.1.9.1': 'emailAddress',
};
const ALGORITHMS: Record<string, string> = {
  '1.2.840.10045.4.3.2': 'ECDSA, SHA-256', '1.2.840.10045.4.3.3': 'ECDSA, SHA-384', '1.2.840.10045.4.3.4': 'ECDSA, SHA-512',
  '1.2.840.113549.1.1.11': 'RSA, SHA-256', '1.2.840.113549.1.1.12': 'RSA, SHA-384', '1.2.840.113549.1.1.13': 'RSA, SHA-512',
  '1.2.840.113549.1.1.5': 'RSA, SHA-1', '1.2.840.113549.1.1.10': 'RSA-PSS', '1.3.101.112': 'Ed25519',
};
const PURPOSES: Record<string, string> = {
  '1.3.6.1.5.5.7.3.1': 'TLS server', '1.3.6.1.5.5.7.3.2': 'TLS client', '1.3.6.1.5.5.7.3.3': 'code signing', '1.3.6.1.5.5.7.3.4': 'e-mail protection',
  '1.3.6.1.5.5.7.3.8': 'time stamping', '1.3.6.1.5.5.7.3.9': 'OCSP signing', '2.5.29.37.0': 'any purpose',
};
const USAGES = ['digital signature', 'non-repudiation', 'key encipherment', 'data encipherment', 'key agreement', 'certificate signing', 'CRL signing', 'encipher only', 'decipher only'];
const REASONS = ['unspecified', 'keyCompromise', 'cACompromise', 'affiliationChanged', 'superseded', 'cessationOfOperation', 'certificateHold', '', 'removeFromCRL', 'privilegeWithdrawn', 'aACompromise'];

/** What is to be shown of a certificate (RFC 5280 §4). */
export interface Decoded {
  serial: string;
  algorithm: string;
  issuer: string;
  subject: string;
  notAfter: string;
  keyUsage: string[];
  purposes: string[];
  isCa: boolean;
  addresses: string[];
}

/** A name as RFC 4514 writes it, most specific first. */
function name({ content }: Der): string {
  const parts = values(content).flatMap((set) => values(set.content)).map((pair) => {
    const [type, value] = values(pair.content);
    if (!type || !value) return '';
    const number = oid(type.content);
    return `${ATTRIBUTES[number] ?? number}=${text(value.content).replace(/[,+"\\<>;]/g, '\\$&')}`;
  });
  return parts.reverse().join(', ');
}

function usages(octets: Uint8Array): string[] {
  const bits = first(octets).content.subarray(1);
  return USAGES.filter((_, index) => ((bits[index >> 3] ?? 0) << (index & 7)) & 0x80);
}

/** The addresses of distribution points or of access descriptions: whatever URI stands in there. */
function uris(octets: Uint8Array): string[] {
  return values(octets).flatMap((value) => (value.tag === 0x86 ? [text(value.content)] : value.tag & 0x20 ? uris(value.content) : []));
}

function extension(into: Decoded, id: string, octets: Uint8Array): void {
  if (id === '2.5.29.15') into.keyUsage = usages(octets);
  if (id === '2.5.29.37') into.purposes = values(first(octets).content).map(({ content }) => PURPOSES[oid(content)] ?? oid(content));
  if (id === '2.5.29.31' || id === '1.3.6.1.5.5.7.1.1') into.addresses.push(...uris(octets));
  if (id === '2.5.29.19') into.isCa = values(first(octets).content).some(({ tag, content }) => tag === 0x01 && content[0] === 0xff);
}

export function decode(certificate: Uint8Array): Decoded {
  const [body] = values(first(certificate).content);
  if (!body) throw new Error('no certificate');
  const fields = values(body.content);
  if (fields[0]?.tag === 0xa0) fields.shift();
  const [number, algorithm, issuer, validity, subject] = fields;
  if (!number || !algorithm || !issuer || !validity || !subject) throw new Error('no certificate');
  const id = oid(first(algorithm.content).content);
  const until = values(validity.content)[1];
  const decoded: Decoded = {
    serial: serial(number.content), algorithm: ALGORITHMS[id] ?? id, issuer: name(issuer), subject: name(subject), notAfter: until ? time(until) : '',
    keyUsage: [], purposes: [], isCa: false, addresses: [],
  };
  const extensions = fields.find(({ tag }) => tag === 0xa3);
  for (const item of extensions ? values(first(extensions.content).content) : []) {
    const parts = values(item.content);
    const value = parts[parts.length - 1];
    if (parts[0] && value) extension(decoded, oid(parts[0].content), value.content);
  }
  return decoded;
}

/** A certificate that a CRL names (RFC 5280 §5.1.2.6). */
export interface RevokedEntry {
  serial: string;
  at: string;
  reason: string;
}

function entry({ content }: Der): RevokedEntry {
  const [number, at, extensions] = values(content);
  const found: RevokedEntry = { serial: number ? serial(number.content) : '', at: at ? time(at) : '', reason: 'unspecified' };
  for (const item of extensions ? values(extensions.content) : []) {
    const parts = values(item.content);
    const value = parts[parts.length - 1];
    if (parts[0] && value && oid(parts[0].content) === '2.5.29.21') found.reason = REASONS[first(value.content).content[0] ?? 0] ?? '';
  }
  return found;
}

/** The entries of a CRL, `most` of them. */
export function entries(crl: Uint8Array, most: number): RevokedEntry[] {
  const [body] = values(first(crl).content);
  const list = body ? values(body.content).slice(3).find(({ tag, content }) => tag === 0x30 && (content.length === 0 || content[0] === 0x30)) : undefined;
  return list ? values(list.content).slice(0, most).map(entry) : [];
}
