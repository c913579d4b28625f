import { useEffect } from 'preact/hooks';
import { ApiError, events, type Schemas } from '../api/client';

export type Event = Schemas['Event'];
/** Told what happened; nothing when that is more than can be told, and everything may be other than it was. */
type Listener = (event: Event | undefined) => void;

/** A stream that ends sooner than this is not asked for again at once. */
const PAUSE = 3000;
/** After so long, everything is read anew rather than told. */
const LONG = 5 * 60_000;

const listeners = new Set<Listener>();
/** Where whoever is signed in has read to, and when that was. */
let reached: { by: string; at: string; when: number } | undefined;

/** Has `listener` told of what happens from now on. */
export function onEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function tell(event: Event | undefined): void {
  for (const listener of listeners) listener(event);
}

/**
 * Follows what happens while somebody is signed in and looks. A tab in the background holds no stream: of HTTP/1.1 a browser
 * opens six connections to a service, and that many tabs would leave none. `round` begins the stream anew with everything else.
 */
export function useLive(by: string | undefined, round: number): void {
  useEffect(() => {
    if (!by) return;
    let end = document.hidden ? undefined : follow(by);
    const turn = () => {
      end?.();
      end = document.hidden ? undefined : follow(by);
    };
    document.addEventListener('visibilitychange', turn);
    return () => {
      document.removeEventListener('visibilitychange', turn);
      end?.();
    };
  }, [by, round]);
}

function follow(by: string): () => void {
  const stop = new AbortController();
  if (reached && (reached.by !== by || Date.now() - reached.when > LONG)) {
    reached = undefined;
    tell(undefined);
  }
  void read(by, stop.signal);
  return () => stop.abort();
}

/** Reads stream after stream, each from where the one before was, so that nothing is missed. */
async function read(by: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const since = Date.now();
    try {
      for await (const { at, event } of events(reached?.at, signal)) {
        if (at) reached = { by, at, when: Date.now() };
        if (event) tell(event);
      }
    } catch (cause) {
      // A database that was put back knows the place no more.
      if (cause instanceof ApiError && cause.status === 400) reached = undefined;
    }
    if (!signal.aborted && Date.now() - since < PAUSE) await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}
