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

/** The same where `undefined` stands for a field that is not sent. */
type Loose<T> = { [K in keyof T]: object extends Pick<T, K> ? T[K] | undefined : T[K] };
/** A request of the API, as calls take it. */
export type Request<S extends keyof Schemas> = Loose<Schemas[S]>;

type Sent<O> = O extends { requestBody: { content: { 'application/json': infer B } } }
  ? { body: Loose<B> }
  : O extends { requestBody?: { content: { 'application/json': infer B } } }
    ? { body?: Loose<B> }
    : { body?: undefined };
type Placed<O> = O extends { parameters: { path: infer P extends object } } ? { path: P } : { path?: undefined };
type Asked<O> = O extends { parameters: { query?: infer Q } } ? { query?: Loose<Q> } : { query?: undefined };
type HeadersOf<O> = O extends { parameters: { header?: infer H } } ? Exclude<H, undefined> : never;
type Bound<O> = [HeadersOf<O>] extends [never] ? { state?: undefined } : 'If-Match' extends keyof HeadersOf<O> ? { state?: string } : { state?: undefined };
/** Of each operation for itself: put together of all at once, the parts would be multiplied with each other. */
type Options<O> = O extends unknown ? Sent<O> & Placed<O> & Asked<O> & Bound<O> & { signal?: AbortSignal } : never;

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

function address(path: string, at: object = {}, query: object = {}): string {
  const places = new Map<string, unknown>(Object.entries(at));
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(places.get(name) ?? '')));
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') asked.set(name, String(value));
  }
  const text = asked.toString();
  return text ? `${filled}?${text}` : filled;
}

async function failure(response: Response): Promise<ApiError> {
  try {
    const { error }: Schemas['ErrorBody'] = await response.json();
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

function request<M extends Method, P extends PathsWith<M>>(method: M, path: P, options: Options<paths[P][M]>): Promise<Response> {
  const given: { path?: object | undefined; query?: object | undefined; body?: unknown; state?: string | undefined; signal?: AbortSignal } = options;
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (given.body !== undefined) headers['Content-Type'] = 'application/json';
  if (given.state) headers['If-Match'] = given.state;
  return send(method, address(path, given.path, given.query), headers, given.body, given.signal);
}

/** One call of the API, typed by its OpenAPI document. A change with `state` is refused when that is no longer the object's. */
export async function call<M extends Method, P extends PathsWith<M>>(method: M, path: P, options: Options<paths[P][M]>): Promise<Answer<paths[P][M]>> {
  const response = await request(method, path, options);
  return (response.status === 204 ? undefined : await response.json()) as Answer<paths[P][M]>;
}

/** An object of the API, and the tag of the state that it was seen in. */
export interface Seen<T> {
  of: T;
  state: string;
}

/** Reads an object that is to be changed. */
export async function see<P extends PathsWith<'get'>>(path: P, options: Options<paths[P]['get']>): Promise<Seen<Answer<paths[P]['get']>>> {
  const response = await request('get', path, options);
  // A proxy that compresses makes the tag a weak one, and those never match.
  return { of: (await response.json()) as Answer<paths[P]['get']>, state: (response.headers.get('ETag') ?? '').replace(/^W\//, '') };
}

/** The certificates that a filter finds, as CSV. */
export async function csv(filter: Omit<Request<'ExportCertificatesRequest'>, 'format'>): Promise<Blob> {
  const body: Request<'ExportCertificatesRequest'> = { ...filter, format: 'csv' };
  const response = await send('post', '/v1/pki/certificates/export', { Accept: 'text/csv', 'Content-Type': 'application/json' }, body, undefined);
  return response.blob();
}

/** The octets of the CRL of a CA. */
export async function crl(id: string, signal?: AbortSignal): Promise<Uint8Array> {
  const response = await send('get', address('/v1/pki/ca/{id}/crl', { id }), { Accept: 'application/pkix-crl' }, undefined, signal);
  return new Uint8Array(await response.arrayBuffer());
}

/** What a stream of events says: where to go on, and what happened, or only that it is alive. */
export interface Told {
  at: string | undefined;
  event: Schemas['Event'] | undefined;
}

/** The service says at least every 15 seconds that a stream is alive. */
const SILENCE = 40_000;

/**
 * What happens after a place, or from now on, until the service ends the stream or falls silent. `EventSource` could not send
 * the token.
 */
export async function* events(after: string | undefined, signal: AbortSignal): AsyncGenerator<Told> {
  const silent = new AbortController();
  const response = await send('get', '/v1/events', { Accept: 'text/event-stream', ...(after ? { 'Last-Event-ID': after } : {}) }, undefined, AbortSignal.any([signal, silent.signal]));
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ''; reader; ) {
    const timer = setTimeout(() => silent.abort(), SILENCE);
    const { done, value } = await reader.read().finally(() => clearTimeout(timer));
    if (done) return;
    const messages = (rest + value).split('\n\n');
    rest = messages.pop() ?? '';
    for (const message of messages) {
      const field = (name: string) => message.split('\n').find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const data = field('data');
      yield { at: field('id'), event: data ? JSON.parse(data) : undefined };
    }
  }
}

/** Whether the service answers at all. */
export async function alive(): Promise<boolean> {
  try {
    return (await fetch('/healthz', { cache: 'no-store', credentials: 'omit' })).ok;
  } catch {
    return false;
  }
}
