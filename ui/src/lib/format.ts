import { t } from '../texts';

const dateForm = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const timeForm = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const countForm = new Intl.NumberFormat();

export const date = (text: string): string => dateForm.format(new Date(text));
export const dateTime = (text: string): string => timeForm.format(new Date(text));
export const utc = (text: string): string => `${new Date(text).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
export const count = (value: number): string => countForm.format(value);

const DAY = 86_400_000;

export function daysUntil(text: string): number {
  return Math.floor((new Date(text).getTime() - Date.now()) / DAY);
}

export type Tone = 'bad' | 'warn' | 'good' | 'calm';

/** How much is left of a validity, and how worrying that is. */
export function left(until: string, bad = 7, warn = 30): { text: string; tone: Tone } {
  const milliseconds = new Date(until).getTime() - Date.now();
  const days = Math.floor(Math.abs(milliseconds) / DAY);
  const hours = Math.floor(Math.abs(milliseconds) / 3_600_000);
  const amount = days > 730 ? t.time.years(Math.floor(days / 365)) : days > 0 ? t.time.days(days) : hours > 0 ? t.time.hours(hours) : t.time.minutes(Math.floor(Math.abs(milliseconds) / 60_000));
  if (milliseconds < 0) return { text: t.time.ago(amount), tone: 'bad' };
  return { text: amount, tone: days < bad ? 'bad' : days < warn ? 'warn' : 'good' };
}

export function keyName(type: string, size: number): string {
  if (type === 'ed25519') return 'Ed25519';
  if (type === 'ec') return `P-${size}`;
  return `${type.toUpperCase()} ${size}`;
}

/** `ca.revoke` and `rebuild_crl` as words. */
export const words = (name: string): string =>
  name
    .replace(/[._]/g, ' ')
    .replace(/\b(acme|api|ca|cn|crl|csr|dns|id|ip|sans|tsig|ttl|uri|url)\b/g, (short) => (short === 'sans' ? 'SANs' : short.toUpperCase()))
    .replace(/^[a-z]/, (first) => first.toUpperCase());

/** A distinguished name with room for line breaks. */
export const spaced = (subject: string): string => subject.replace(/,(?=[A-Za-z0-9.]+=)/g, ', ');

/** Entries of a text field that takes several, divided by commas, blanks or lines. */
export const several = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);
export const lines = (text: string): string[] => text.split(/[\n,]+/).map((line) => line.trim()).filter(Boolean);

export function allNames(sans: { dns: string[]; ip: string[]; email: string[]; uri: string[] }): string[] {
  return [...sans.dns, ...sans.ip, ...sans.email, ...sans.uri];
}
