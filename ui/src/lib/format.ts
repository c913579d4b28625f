import type { Schemas } from '../api/client';
import { t } from '../texts';

const dateForm = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const timeForm = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const countForm = new Intl.NumberFormat();

export const date = (text: string): string => dateForm.format(new Date(text));
export const dateTime = (text: string): string => timeForm.format(new Date(text));
export const utc = (text: string): string => `${new Date(text).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
export const count = (value: number): string => countForm.format(value);

const DAY = 86_400_000;

export type Tone = 'bad' | 'warn' | 'good' | 'calm';

/** How much is left of a validity, and how worrying that is by days. */
export function left(until: string, bad = 7, warn = 30): { text: string; tone: Tone } {
  const milliseconds = new Date(until).getTime() - Date.now();
  const days = Math.floor(Math.abs(milliseconds) / DAY);
  const hours = Math.floor(Math.abs(milliseconds) / 3_600_000);
  const amount = days > 730 ? t.time.years(Math.floor(days / 365)) : days > 0 ? t.time.days(days) : hours > 0 ? t.time.hours(hours) : t.time.minutes(Math.floor(Math.abs(milliseconds) / 60_000));
  if (milliseconds < 0) return { text: t.time.ago(amount), tone: 'bad' };
  return { text: amount, tone: milliseconds < bad * DAY ? 'bad' : milliseconds < warn * DAY ? 'warn' : 'good' };
}

export function keyName(type: string, size: number): string {
  if (type === 'ed25519') return 'Ed25519';
  if (type === 'ec') return `P-${size}`;
  return `${type.toUpperCase()} ${size}`;
}

const KEY_TYPES = ['ec', 'ed25519', 'rsa'] as const satisfies Schemas['KeyType'][];
/** Keys to choose from. */
export const KEYS = ['ec 256', 'ec 384', 'ec 521', 'ed25519', 'rsa 2048', 'rsa 3072', 'rsa 4096'];
export const keyChoices = KEYS.map((value) => ({ value, text: keyName(value.split(' ')[0] ?? '', Number(value.split(' ')[1])) }));

/** What a choice of these stands for. */
export function keyOf(choice: string): { key_type: Schemas['KeyType'] | undefined; key_size: number | undefined } {
  const [type, size] = choice.split(' ');
  return { key_type: KEY_TYPES.find((known) => known === type), key_size: size ? Number(size) : undefined };
}

/** `ca.revoke` and `rebuild_crl` as words. */
export const words = (name: string): string =>
  name
    .replace(/[._]/g, ' ')
    .replace(/\b(acme|api|ca|cn|crl|csr|dns|id|ip|sans|tsig|ttl|uri|url)\b/g, (short) => (short === 'sans' ? 'SANs' : short.toUpperCase()))
    .replace(/^[a-z]/, (first) => first.toUpperCase());

/** A distinguished name with room for line breaks. */
export const spaced = (subject: string): string => subject.replace(/,(?=[A-Za-z0-9.]+=)/g, ', ');

/** What a field has, or nothing for one that was left empty. */
export const given = (text: string): string | undefined => text.trim() || undefined;
export const givenNumber = (text: string): number | undefined => (text.trim() ? Number(text) : undefined);

/** Entries of a text field that takes several, divided by commas, blanks or lines. */
export const several = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);
export const lines = (text: string): string[] => text.split(/[\n,]+/).map((line) => line.trim()).filter(Boolean);

export function allNames(sans: { dns: string[]; ip: string[]; email: string[]; uri: string[] }): string[] {
  return [...sans.dns, ...sans.ip, ...sans.email, ...sans.uri];
}
