import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from '../api/client';
import { onEvent } from './live';
import { useSession } from './session';

export interface Loaded<T> {
  data: T | undefined;
  error: ApiError | undefined;
  reload(): void;
}

export function asApiError(cause: unknown): ApiError {
  return cause instanceof ApiError ? cause : new ApiError(0, 'page', cause instanceof Error ? cause.message : String(cause));
}

/** What is read anew because of an event waits so long for more of them, and so long after the last time. */
const SETTLING = 300;
const APART = 5000;

/**
 * Reads something of the API, anew when `key` changes, when the connection is back, every `every` milliseconds, or when something
 * happens that touches it: an event whose type begins with one of `touching`, or whose object is one of them; '' is any event.
 */
export function useLoad<T>(key: string, read: (signal: AbortSignal) => Promise<T>, every = 0, touching: readonly string[] = []): Loaded<T> {
  const { round } = useSession();
  const [state, setState] = useState<{ key: string; data?: T; error?: ApiError }>({ key });
  const [turn, setTurn] = useState(0);
  const latest = useRef(read);
  latest.current = read;
  useEffect(() => {
    const stop = new AbortController();
    setState((old) => (old.key === key && old.data !== undefined ? old : { key }));
    latest.current(stop.signal).then(
      (data) => !stop.signal.aborted && setState({ key, data }),
      (cause: unknown) => {
        if (stop.signal.aborted) return;
        const error = asApiError(cause);
        // A service that is busy takes nothing off the screen: a form, or a key that is shown once, would go with it.
        const gone = [401, 403, 404].includes(error.status);
        setState((old) => ({ ...(old.key === key && old.data !== undefined && !gone ? { data: old.data } : {}), key, error }));
      },
    );
    return () => stop.abort();
  }, [key, round, turn]);
  useEffect(() => {
    if (every === 0) return;
    const timer = setInterval(() => document.visibilityState === 'visible' && setTurn((count) => count + 1), every);
    return () => clearInterval(timer);
  }, [every]);
  const touched = touching.length > 0 ? touching.join(' ') : undefined;
  useEffect(() => {
    if (touched === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let last = 0;
    const end = onEvent((event) => {
      if (timer !== undefined || (event && !touched.split(' ').some((part) => event.event_type.startsWith(part) || event.object === part))) return;
      const again = () => {
        timer = undefined;
        last = Date.now();
        setTurn((count) => count + 1);
      };
      timer = setTimeout(again, Math.max(SETTLING, last + APART - Date.now()));
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [touched]);
  const fits = state.key === key;
  return {
    data: fits ? state.data : undefined,
    error: fits ? state.error : undefined,
    reload: () => setTurn((count) => count + 1),
  };
}

/** A value that follows another one when that has been still for a while. */
export function useSettled<T>(value: T, after = 300): T {
  const [settled, setSettled] = useState(value);
  const text = JSON.stringify(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), after);
    return () => clearTimeout(timer);
  }, [text, after]);
  return settled;
}
