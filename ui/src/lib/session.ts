import { alive, ApiError, call, useToken, watch, type Schemas } from '../api/client';
import { useSyncExternalStore } from './store';

/** Who is signed in and what the token permits. */
export interface Session {
  who: Schemas['Whoami'] | undefined;
  /** Why the last session ended. */
  ended: ApiError | undefined;
  offline: boolean;
  /** Grows when everything shown should be read anew. */
  round: number;
}

let session: Session = { who: undefined, ended: undefined, offline: false, round: 0 };
const listeners = new Set<() => void>();

function change(part: Partial<Session>): void {
  session = { ...session, ...part };
  for (const listener of listeners) listener();
}

watch({
  refused(error) {
    if (session.who) {
      useToken('');
      change({ who: undefined, ended: error });
    }
  },
  lost() {
    if (!session.offline) {
      change({ offline: true });
      void wait();
    }
  },
  reached() {
    if (session.offline) change({ offline: false, round: session.round + 1 });
  },
});

/** Asks for the service until it answers again. */
async function wait(): Promise<void> {
  while (session.offline) {
    await new Promise((resolve) => setTimeout(resolve, 2000));
    if (session.offline && (await alive())) change({ offline: false, round: session.round + 1 });
  }
}

export function useSession(): Session {
  return useSyncExternalStore(listeners, () => session);
}

export async function signIn(token: string): Promise<void> {
  useToken(token);
  try {
    const who = await call('get', '/v1/auth/whoami', {});
    change({ who, ended: undefined });
  } catch (error) {
    useToken('');
    throw error;
  }
}

export function signOut(): void {
  useToken('');
  change({ who: undefined, ended: undefined });
}

/** What a token permits. One that is limited to roles may `issue`, but nothing that is under no role: it is not `unlimited`. */
export interface Rights {
  issue: boolean;
  unlimited: boolean;
  admin: boolean;
  mayIssueUnder(role: string | null | undefined): boolean;
}

/** What the token of this session permits. */
export function useRights(): Rights {
  const scopes = useSession().who?.scopes ?? [];
  const roles = session.who?.roles ?? null;
  const admin = scopes.includes('pki:admin');
  const issue = admin || scopes.includes('pki:issue');
  return { admin, issue, unlimited: issue && roles === null, mayIssueUnder: (role) => issue && (roles === null || (!!role && roles.includes(role))) };
}
