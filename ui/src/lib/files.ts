import { t } from '../texts';

const listeners = new Set<(text: string) => void>();

/** Hears what is to be told in passing. */
export function onNotice(listener: (text: string) => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

export function notify(text: string): void {
  for (const listener of listeners) listener(text);
}

export function save(name: string, content: string | Uint8Array<ArrayBuffer> | Blob, type = 'application/x-pem-file'): void {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    notify(t.common.copied);
  } catch {
    notify(t.common.copyFailed);
  }
}

/** A name that every file system takes. */
export const fileName = (name: string): string => name.replace(/^\*/, 'wildcard').replace(/[^A-Za-z0-9._-]+/g, '_').replace(/^\.+/, '') || 'certificate';

export function octets(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** The DER of each block of a PEM text. */
export function blocks(pem: string): Uint8Array<ArrayBuffer>[] {
  return [...pem.matchAll(/-----BEGIN [^-]+-----([^-]+)-----END/g)].map((found) => octets((found[1] ?? '').replace(/\s+/g, '')));
}
