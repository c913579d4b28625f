import { call, type Schemas } from '../api/client';

/** Rows of a page, and how many pages are read of a list. */
export const PAGE = 1000;
const PAGES = 5;

/** The rows of a list as far as it was read. */
export interface Walked<T> {
  rows: T[];
  /** Whether there are more, which were not read. */
  more: boolean;
}

type Position = { limit: number; cursor: string | undefined };

/** Reads a list page after page, up to a bound. */
export async function walk<A extends { has_more: boolean; cursor?: string | null }, T>(read: (position: Position) => Promise<A>, rowsOf: (answer: A) => T[]): Promise<Walked<T>> {
  const rows: T[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < PAGES; page++) {
    const answer = await read({ limit: PAGE, cursor });
    rows.push(...rowsOf(answer));
    cursor = answer.cursor ?? undefined;
    if (!answer.has_more || !cursor) return { rows, more: false };
  }
  return { rows, more: true };
}

export const walkCas = (signal: AbortSignal): Promise<Walked<Schemas['CertificateAuthority']>> =>
  walk((position) => call('get', '/v1/pki/ca', { query: position, signal }), (page) => page.certificate_authorities);

/** The CAs that a tree and a choice show. */
export const allCas = async (signal: AbortSignal): Promise<Schemas['CertificateAuthority'][]> => (await walkCas(signal)).rows;

/** The roles that a choice shows. */
export const allRoles = async (signal: AbortSignal): Promise<Schemas['Role'][]> =>
  (await walk((position) => call('get', '/v1/pki/roles', { query: position, signal }), (page) => page.roles)).rows;

/** The ACME accounts that a choice shows. */
export const allAccounts = async (signal: AbortSignal): Promise<Schemas['AcmeAccount'][]> =>
  (await walk((position) => call('get', '/v1/pki/acme/accounts', { query: position, signal }), (page) => page.accounts)).rows;

/** The DNS providers that a choice shows. */
export const allProviders = async (signal: AbortSignal): Promise<Schemas['DnsProvider'][]> =>
  (await walk((position) => call('get', '/v1/pki/dns-providers', { query: position, signal }), (page) => page.dns_providers)).rows;
