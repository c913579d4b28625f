import { call, type Schemas } from '../api/client';
import type { Event } from './live';

type Certificate = Schemas['Certificate'];

/** Rows of the lists that are shown beside the figures. */
export const SHOWN = 10;
const SOONEST = 6;

export interface Overview {
  figures: Schemas['Overview'];
  soonest: Certificate[];
  cas: Schemas['CertificateAuthority'][] | undefined;
  events: Event[];
  hasRoles: boolean;
}

/** The months in which certificates end, from this one on. The service counts the next days one by one. */
export function histogram({ certificates }: Schemas['Overview']): { month: string; count: number }[] {
  const name = new Intl.DateTimeFormat(undefined, { month: 'short', year: '2-digit', timeZone: 'UTC' });
  const months = new Map<string, number>();
  for (const { from, to, count } of certificates.expiring) {
    // What has no end is everything later, and no month.
    if (to) months.set(from.slice(0, 7), (months.get(from.slice(0, 7)) ?? 0) + count);
  }
  return [...months].slice(0, 12).map(([month, count]) => ({ month: name.format(new Date(`${month}-01T00:00:00Z`)), count }));
}

/** What a person should know today. CAs are listed to administrators only. */
export async function overview(admin: boolean, signal: AbortSignal): Promise<Overview> {
  const [figures, ending, cas, { events }, { roles }] = await Promise.all([
    call('get', '/v1/pki/overview', { signal }),
    // Some of those that end first were renewed.
    call('get', '/v1/pki/certificates', { query: { status: 'active', sort: 'not_after', limit: 10 * SOONEST }, signal }),
    admin ? call('get', '/v1/pki/ca', { query: { limit: 100 }, signal }) : undefined,
    call('get', '/v1/events', { query: { sort: '-timestamp', limit: SHOWN }, signal }),
    call('get', '/v1/pki/roles', { query: { limit: 1 }, signal }),
  ]);
  return {
    figures,
    soonest: ending.certificates.filter((row) => !row.renewed_by).slice(0, SOONEST),
    cas: cas?.certificate_authorities,
    events,
    hasRoles: roles.length > 0,
  };
}
