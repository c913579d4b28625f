import { call, type Schemas } from '../api/client';

type Certificate = Schemas['Certificate'];

/** How many certificates are looked at for the figures: so many pages of a thousand. */
const PAGES = 5;
const PAGE = 1000;
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
  cas: Schemas['CertificateAuthority'][] | undefined;
  events: Schemas['AuditLog'][] | undefined;
  hasRoles: boolean;
}

interface Walked {
  rows: Certificate[];
  more: boolean;
}

/** How long the figures of a large stock are good enough: reading it anew is megabytes. */
const KEPT = 5 * 60_000;

let kept: { walked: Walked; at: number; by: string } | undefined;

/** The certificates in force, the soonest to end first. */
async function inForce(by: string, signal: AbortSignal): Promise<Walked> {
  if (kept && kept.by === by && Date.now() - kept.at < KEPT) return kept.walked;
  const walked = await walk(signal);
  kept = walked.rows.length > PAGE ? { walked, at: Date.now(), by } : undefined;
  return walked;
}

async function walk(signal: AbortSignal): Promise<Walked> {
  const rows: Certificate[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < PAGES; page++) {
    const answer = await call('get', '/v1/pki/certificates', { query: { status: 'active', sort: 'not_after', limit: PAGE, ...(cursor ? { cursor } : {}) }, signal });
    rows.push(...answer.certificates);
    cursor = answer.cursor ?? undefined;
    if (!answer.has_more || !cursor) return { rows, more: false };
  }
  return { rows, more: true };
}

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
    call('get', '/v1/pki/certificates', { query: { status: 'expired', limit: SHOWN }, signal }),
    call('get', '/v1/pki/acme/orders', { query: { status: 'invalid', limit: SHOWN }, signal }),
    call('get', '/v1/pki/acme/orders', { query: { status: 'pending', limit: SHOWN }, signal }),
    call('get', '/v1/pki/csr', { query: { status: 'pending', limit: SHOWN }, signal }),
    call('get', '/v1/pki/roles', { query: { limit: 1 }, signal }),
    admin ? call('get', '/v1/jobs', { query: { state: 'dead', limit: SHOWN }, signal }) : undefined,
    admin ? call('get', '/v1/pki/ca', { query: { limit: PAGE }, signal }) : undefined,
    admin ? call('get', '/v1/audit/logs', { query: { limit: 8 }, signal }) : undefined,
  ]);
  const now = Date.now();
  const unreplaced = rows.filter((row) => !row.renewed_by);
  const within = (time: number): Figure => ({ count: unreplaced.filter((row) => new Date(row.not_after).getTime() - now < time).length, more: false });
  const lapsed = expired.certificates.filter((row) => !row.renewed_by && now - new Date(row.not_after).getTime() < MONTH);
  const lately = failed.orders.filter((order) => now - new Date(order.updated_at).getTime() < MONTH);
  return {
    certificates: { count: rows.length, more },
    expired: { count: lapsed.length, more: expired.has_more && lapsed.length === SHOWN },
    week: within(WEEK),
    month: within(MONTH),
    histogram: histogram(rows),
    soonest: unreplaced.slice(0, 6),
    failedOrders: { count: lately.length, more: failed.has_more && lately.length === SHOWN },
    openOrders: { count: open.orders.length, more: open.has_more },
    waiting: { count: waiting.csrs.length, more: waiting.has_more },
    deadJobs: jobs && { count: jobs.jobs.length, more: jobs.has_more },
    cas: cas?.certificate_authorities,
    events: events?.logs,
    hasRoles: roles.roles.length > 0,
  };
}
