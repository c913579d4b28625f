import type { components, paths } from './schema';

/** The objects of the API, as its OpenAPI document has them. */
export type Schemas = components['schemas'];

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';
type PathsWith<M extends Method> = { [P in keyof paths]: paths[P] extends { [K in M]: object } ? P : never }[keyof paths];

type Body<R> = R extends { content: infer C }
  ? C extends { 'application/json': infer J }
    ? J
    : C extends { 'application/json; charset=utf-8': infer J }
      ? J
      : unknown
  : undefined;
type Good = 200 | 201 | 202 | 204;
type Answer<O> = O extends { responses: infer R } ? { [S in keyof R & Good]: Body<R[S]> }[keyof R & Good] : never;

type Sent<O> = O extends { requestBody: { content: { 'application/json': infer B } } }
  ? { body: B }
  : O extends { requestBody?: { content: { 'application/json': infer B } } }
    ? { body?: B }
    : { body?: undefined };
type Placed<O> = O extends { parameters: { path: infer P extends object } } ? { path: P } : { path?: undefined };
type Asked<O> = O extends { parameters: { query?: infer Q } } ? { query?: Q } : { query?: undefined };
type Options<O> = Sent<O> & Placed<O> & Asked<O> & { signal?: AbortSignal };

/** An error of the API, or of the way to it (`code` is then `offline`). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: Record<string, unknown> = {},
    readonly requestId = '',
  ) {
    super(message);
  }

  /** What is wrong with fields that are not among these. */
  beside(names: Set<string>): [string, string][] {
    const fields = this.details['fields'];
    if (typeof fields !== 'object' || fields === null) return [];
    return Object.entries(fields).flatMap(([name, text]) => (names.has(name.split(/[[.]/)[0] ?? '') ? [] : [[name, String(text)] as [string, string]]));
  }

  /** What is wrong with a field of the request, by its name. */
  field(name: string): string | undefined {
    const fields = this.details['fields'];
    if (typeof fields !== 'object' || fields === null) return undefined;
    const found = Object.entries(fields).filter(([key]) => key === name || key.startsWith(`${name}[`) || key.startsWith(`${name}.`));
    return found.length > 0 ? found.map(([, text]) => String(text)).join(' ') : undefined;
  }
}

/** What the client tells of its calls. */
export interface Watcher {
  refused(error: ApiError): void;
  lost(): void;
  reached(): void;
}

// Kept here and nowhere else: it is gone with the tab.
let token = '';
let watcher: Watcher | undefined;

export function useToken(value: string): void {
  token = value;
}

export function watch(by: Watcher): void {
  watcher = by;
}

function address(path: string, at: Record<string, unknown> | undefined, query: Record<string, unknown> | undefined): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(at?.[name] ?? '')));
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== '') asked.set(name, String(value));
  }
  const text = asked.toString();
  return text ? `${filled}?${text}` : filled;
}

async function failure(response: Response): Promise<ApiError> {
  try {
    const { error } = (await response.json()) as { error: { code: string; message: string; details?: Record<string, unknown> | null; request_id: string } };
    return new ApiError(response.status, error.code, error.message, error.details ?? {}, error.request_id);
  } catch {
    return new ApiError(response.status, 'unreadable', `${response.status} ${response.statusText}`);
  }
}

async function send(method: string, url: string, headers: Record<string, string>, body: unknown, signal: AbortSignal | undefined): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: method.toUpperCase(),
      headers: { Authorization: `Bearer ${token}`, ...headers },
      credentials: 'omit',
      cache: 'no-store',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    watcher?.lost();
    throw new ApiError(0, 'offline', '');
  }
  watcher?.reached();
  if (!response.ok) {
    const error = await failure(response);
    if (error.status === 401) watcher?.refused(error);
    throw error;
  }
  return response;
}

/** One call of the API, typed by its OpenAPI document. */
export async function call<M extends Method, P extends PathsWith<M>>(
  method: M,
  path: P,
  options: Options<paths[P][M]>,
): Promise<Answer<paths[P][M]>> {
  const given = options as { path?: Record<string, unknown>; query?: Record<string, unknown>; body?: unknown; signal?: AbortSignal };
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (given.body !== undefined) headers['Content-Type'] = 'application/json';
  const response = await send(method, address(path, given.path, given.query), headers, given.body, given.signal);
  return (response.status === 204 ? undefined : await response.json()) as Answer<paths[P][M]>;
}

/** The octets of the CRL of a CA. */
export async function crl(id: string, signal?: AbortSignal): Promise<Uint8Array> {
  const response = await send('get', address('/v1/pki/ca/{id}/crl', { id }, undefined), { Accept: 'application/pkix-crl' }, undefined, signal);
  return new Uint8Array(await response.arrayBuffer());
}

/** Whether the service answers at all. */
export async function alive(): Promise<boolean> {
  try {
    return (await fetch('/healthz', { cache: 'no-store', credentials: 'omit' })).ok;
  } catch {
    return false;
  }
}
