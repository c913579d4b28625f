import { call, type Schemas } from '../api/client';
import { PAGE, walk, walkCas, type Walked } from './lists';

type Certificate = Schemas['Certificate'];

const SHOWN = 100;
const WEEK = 7 * 86_400_000;
const MONTH = 30 * 86_400_000;

/** A number that is the least there are when counting stopped early. */
export interface Figure {
  count: number;
  more: boolean;
}

export interface Overview {
  certificates: Figure;
  expired: Figure;
  week: Figure;
  month: Figure;
  histogram: { month: string; count: number }[];
  soonest: Certificate[];
  failedOrders: Figure;
  openOrders: Figure;
  waiting: Figure;
  deadJobs: Figure | undefined;
  cas: Walked<Schemas['CertificateAuthority']> | undefined;
  events: Schemas['AuditLog'][] | undefined;
  hasRoles: boolean;
}

/** How long what was read of a large list is good enough: reading it anew is megabytes. */
const KEPT = 5 * 60_000;

function keeping<T>(read: (signal: AbortSignal) => Promise<Walked<T>>): (by: string, signal: AbortSignal) => Promise<Walked<T>> {
  let kept: { walked: Walked<T>; at: number; by: string } | undefined;
  return async (by, signal) => {
    if (kept && kept.by === by && Date.now() - kept.at < KEPT) return kept.walked;
    const walked = await read(signal);
    kept = walked.rows.length > PAGE ? { walked, at: Date.now(), by } : undefined;
    return walked;
  };
}

/** The certificates in force, the soonest to end first. */
const inForce = keeping((signal) => walk((position) => call('get', '/v1/pki/certificates', { query: { status: 'active', sort: 'not_after', ...position }, signal }), (page) => page.certificates));
// By when they were made, which says little of when they ended: all that can be read has to be looked at.
const ended = keeping((signal) => walk((position) => call('get', '/v1/pki/certificates', { query: { status: 'expired', ...position }, signal }), (page) => page.certificates));
const failedOrders = keeping((signal) => walk((position) => call('get', '/v1/pki/acme/orders', { query: { status: 'invalid', ...position }, signal }), (page) => page.orders));

function histogram(rows: Certificate[]): { month: string; count: number }[] {
  const now = new Date();
  const months = Array.from({ length: 12 }, (_, index) => new Date(now.getFullYear(), now.getMonth() + index, 1));
  const name = new Intl.DateTimeFormat(undefined, { month: 'short', year: '2-digit' });
  return months.map((from, index) => {
    const until = new Date(now.getFullYear(), now.getMonth() + index + 1, 1);
    const within = rows.filter(({ not_after }) => new Date(not_after) >= from && new Date(not_after) < until);
    return { month: name.format(from), count: within.length };
  });
}

/** What a person should know today, from the lists of the API. The parts for administrators are read with their token only. */
export async function overview(admin: boolean, by: string, signal: AbortSignal): Promise<Overview> {
  const [{ rows, more }, expired, failed, open, waiting, roles, jobs, cas, events] = await Promise.all([
    inForce(by, signal),
    ended(by, signal),
    failedOrders(by, signal),
    call('get', '/v1/pki/acme/orders', { query: { status: 'pending', limit: SHOWN }, signal }),
    call('get', '/v1/pki/csr', { query: { status: 'pending', limit: SHOWN }, signal }),
    call('get', '/v1/pki/roles', { query: { limit: 1 }, signal }),
    admin ? call('get', '/v1/jobs', { query: { state: 'dead', limit: SHOWN }, signal }) : undefined,
    admin ? walkCas(signal) : undefined,
    admin ? call('get', '/v1/audit/logs', { query: { limit: 8 }, signal }) : undefined,
  ]);
  const now = Date.now();
  const ends = (row: Certificate): number => new Date(row.not_after).getTime() - now;
  const unreplaced = rows.filter((row) => !row.renewed_by);
  const last = rows[rows.length - 1];
  // They stand in the order in which they end, so what was not read ends after the last one.
  const within = (time: number): Figure => ({ count: unreplaced.filter((row) => ends(row) < time).length, more: more && last !== undefined && ends(last) < time });
  return {
    certificates: { count: rows.length, more },
    expired: { count: expired.rows.filter((row) => !row.renewed_by && ends(row) > -MONTH).length, more: expired.more },
    week: within(WEEK),
    month: within(MONTH),
    histogram: histogram(rows),
    soonest: unreplaced.slice(0, 6),
    failedOrders: { count: failed.rows.filter((order) => now - new Date(order.updated_at).getTime() < MONTH).length, more: failed.more },
    openOrders: { count: open.orders.length, more: open.has_more },
    waiting: { count: waiting.csrs.length, more: waiting.has_more },
    deadJobs: jobs && { count: jobs.jobs.length, more: jobs.has_more },
    cas,
    events: events?.logs,
    hasRoles: roles.roles.length > 0,
  };
}
