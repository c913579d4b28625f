import { useEffect, useState } from 'preact/hooks';

/** A value outside of components, read anew whenever one of its listeners is called. */
export function useSyncExternalStore<T>(listeners: Set<() => void>, read: () => T): T {
  const [, again] = useState(0);
  useEffect(() => {
    const listener = () => again((count) => count + 1);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, [listeners]);
  return read();
}
