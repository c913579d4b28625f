import { useSyncExternalStore } from './store';

/** Where the page is: `#/certificates/cert_1?status=active` has the path `certificates`, `cert_1`. */
export interface Place {
  path: string[];
  query: URLSearchParams;
}

/** Somebody may have written the address by hand: what is no encoding stays as it is. */
function plain(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function read(): Place {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  return { path: path.split('/').filter(Boolean).map(plain), query: new URLSearchParams(query) };
}

let place = read();
const listeners = new Set<() => void>();

addEventListener('hashchange', () => {
  place = read();
  for (const listener of listeners) listener();
});

export function usePlace(): Place {
  return useSyncExternalStore(listeners, () => place);
}

/** What the address asks for by this name. Anything can stand there: a word that the API does not know, the API refuses. */
export function asked<W extends string = string>(query: URLSearchParams, name: string): W | undefined {
  return (query.get(name) || undefined) as W | undefined;
}

type Query = Record<string, string | undefined>;

/** The address of a view. Empty values are left out. */
export function to(path: string[], query: Query | URLSearchParams = {}): string {
  const entries = query instanceof URLSearchParams ? [...query.entries()] : Object.entries(query);
  const kept = new URLSearchParams();
  for (const [name, value] of entries) if (value) kept.set(name, value);
  const text = kept.toString();
  return `#/${path.map(encodeURIComponent).join('/')}${text ? `?${text}` : ''}`;
}

export function go(address: string, replace = false): void {
  if (replace) location.replace(address);
  else location.hash = address.slice(1);
}
