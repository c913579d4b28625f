import { useSyncExternalStore } from './store';

/** Where the page is: `#/certificates/cert_1?status=active` has the path `certificates`, `cert_1`. */
export interface Place {
  path: string[];
  query: URLSearchParams;
}

function read(): Place {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  return { path: path.split('/').filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) };
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
