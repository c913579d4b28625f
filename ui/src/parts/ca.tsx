import { useEffect, useState } from 'preact/hooks';
import { call, type Schemas } from '../api/client';
import { useSession } from '../lib/session';
import { to } from '../lib/router';
import { t } from '../texts';
import { Left } from './basics';

export type Ca = Schemas['CertificateAuthority'];

const HOUR = 1 / 24;

/** A CRL is made anew long before its end: in its last hour, of a short one in its last tenth, something is wrong. In days. */
export function crlAlarm({ this_update: from, next_update: until }: NonNullable<Ca['crl']>): number {
  return Math.min(HOUR, (new Date(until).getTime() - new Date(from).getTime()) / 86_400_000 / 10);
}

/** How long the CRL of a CA is good for yet. */
export function CrlLeft({ of }: { of: Ca }) {
  return of.crl ? <Left until={of.crl.next_update} ended={of.status !== 'active'} bad={crlAlarm(of.crl)} warn={0} /> : <>{t.common.none}</>;
}

let known = new Map<string, Promise<string>>();
let knownBy: string | undefined;

function nameOf(id: string, by: string): Promise<string> {
  if (knownBy !== by) {
    known = new Map();
    knownBy = by;
  }
  const found = known.get(id) ?? call('get', '/v1/pki/ca/{id}', { path: { id } }).then((ca) => ca.name);
  known.set(id, found);
  found.catch(() => known.delete(id));
  return found;
}

/** The name of a CA, which is read once however many rows show it. */
export function CaName({ id, plain }: { id: string | null | undefined; plain?: boolean }) {
  const { who } = useSession();
  const [name, setName] = useState<string>();
  useEffect(() => {
    let here = true;
    if (id && who) nameOf(id, who.token_id).then((found) => here && setName(found), () => undefined);
    return () => {
      here = false;
    };
  }, [id, who]);
  if (!id) return <span class="faint">{t.common.none}</span>;
  const text = name ?? id;
  return plain ? <>{text}</> : <a href={to(['cas', id])}>{text}</a>;
}

/** CAs below each other, each with its depth, in the order in which a tree shows them. */
export function tree(cas: Ca[]): { ca: Ca; depth: number }[] {
  const below = (parent: string | null, depth: number): { ca: Ca; depth: number }[] =>
    cas
      .filter((ca) => (ca.parent_ca_id ?? null) === parent)
      .sort((one, other) => one.name.localeCompare(other.name))
      .flatMap((ca) => [{ ca, depth }, ...below(ca.id, depth + 1)]);
  const listed = below(null, 0);
  const orphans = cas.filter((ca) => !listed.some((row) => row.ca.id === ca.id)).map((ca) => ({ ca, depth: 0 }));
  return [...listed, ...orphans];
}
