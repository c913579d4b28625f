import { useEffect, useState } from 'preact/hooks';
import { call, csv, type Schemas } from '../api/client';
import { Button, Empty, DateOf, HostName, Left, LinkButton, Page, Shown, Status, Table, type Column } from '../parts/basics';
import { notify, save } from '../lib/files';
import { allCas, allRoles } from '../lib/lists';
import { CaName, type Ca } from '../parts/ca';
import { Bulk } from '../parts/bulk';
import { Pager } from '../parts/pager';
import { Icon } from '../parts/icons';
import { allNames } from '../lib/format';
import { useLoad } from '../lib/load';
import { asked, go, to, usePlace } from '../lib/router';
import { useRights } from '../lib/session';
import { t } from '../texts';

const PAGE = 50;
const FILTERS = ['common_name', 'san', 'serial_number', 'fingerprint_sha256', 'status', 'expiring_within', 'source', 'role', 'ca_id', 'tag', 'include_revoked'] as const;
type Filter = (typeof FILTERS)[number];
const SEARCHED = ['common_name', 'san', 'serial_number', 'fingerprint_sha256', 'tag'] as const;

const CHOICES: Partial<Record<Filter, string[]>> = {
  status: ['active', 'expired', 'revoked'],
  expiring_within: ['7d', '30d', '90d', '365d'],
  source: ['issued', 'signed', 'csr', 'acme', 'imported', 'renewed'],
};

function change(query: URLSearchParams, changes: Record<string, string>): void {
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  next.delete('cursor');
  go(to(['certificates'], next));
}

function Search({ query }: { query: URLSearchParams }) {
  const active = SEARCHED.find((name) => query.get(name)) ?? 'common_name';
  const [kind, setKind] = useState<string>(active);
  const [text, setText] = useState(query.get(active) ?? '');
  useEffect(() => {
    setKind(active);
    setText(query.get(active) ?? '');
  }, [query.toString()]);
  return (
    <form
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        change(query, { ...Object.fromEntries(SEARCHED.map((name) => [name, ''])), [kind]: text.trim() });
      }}
    >
      <select aria-label={t.certificates.searchIn} value={kind} onChange={(event) => setKind(event.currentTarget.value)}>
        {SEARCHED.map((name) => (
          <option key={name} value={name}>
            {t.certificates.filters[name]}
          </option>
        ))}
      </select>
      <input type="search" aria-label={t.certificates.search} placeholder={t.certificates.examples[kind]} value={text} onInput={(event) => setText(event.currentTarget.value)} spellcheck={false} />
      <Button type="submit" icon="search" label={t.certificates.search} />
    </form>
  );
}

function Choose({ query, name, choices }: { query: URLSearchParams; name: Filter; choices: { value: string; text: string }[] }) {
  const value = query.get(name) ?? '';
  return (
    <select class="choose" aria-label={t.certificates.filters[name]} value={value} onChange={(event) => change(query, { [name]: event.currentTarget.value })}>
      <option value="">{t.certificates.filters[name]}</option>
      {choices.map((choice) => (
        <option key={choice.value} value={choice.value}>
          {choice.text}
        </option>
      ))}
    </select>
  );
}

const valueText = (name: Filter, value: string, cas: Ca[]): string => {
  if (name === 'ca_id') return cas.find((ca) => ca.id === value)?.name ?? value;
  if (name === 'expiring_within') return value.replace(/^(\d+)d$/, (_, days: string) => t.time.days(Number(days)));
  if (name === 'include_revoked') return t.common.yes;
  return t.states[value] ?? t.certificates.sources[value] ?? value;
};

function Filters({ query }: { query: URLSearchParams }) {
  const { admin } = useRights();
  const choices = useLoad(`filters ${admin}`, async (signal) => ({
    roles: await allRoles(signal),
    cas: admin ? await allCas(signal) : [],
  }));
  const roles = choices.data?.roles ?? [];
  const cas = choices.data?.cas ?? [];
  const listed = (name: Filter) => (CHOICES[name] ?? []).map((value) => ({ value, text: valueText(name, value, cas) }));
  const chips = FILTERS.flatMap((name) => (query.get(name) ? [{ name, value: query.get(name) ?? '' }] : []));
  return (
    <div class="filters">
      <Search query={query} />
      <div class="chooses">
        <Choose query={query} name="status" choices={listed('status')} />
        <Choose query={query} name="expiring_within" choices={listed('expiring_within')} />
        <Choose query={query} name="source" choices={listed('source')} />
        {roles.length > 0 && <Choose query={query} name="role" choices={roles.map((role) => ({ value: role.name, text: role.name }))} />}
        {cas.length > 0 && <Choose query={query} name="ca_id" choices={cas.map((ca) => ({ value: ca.id, text: ca.name }))} />}
        <select class="choose" aria-label={t.states['revoked']} value={query.get('include_revoked') ?? ''} onChange={(event) => change(query, { include_revoked: event.currentTarget.value })}>
          <option value="">{t.certificates.withoutRevoked}</option>
          <option value="true">{t.certificates.withRevoked}</option>
        </select>
        <select class="choose" aria-label={t.certificates.sort} value={query.get('sort') ?? ''} onChange={(event) => change(query, { sort: event.currentTarget.value })}>
          <option value="">{t.certificates.newest}</option>
          <option value="not_after">{t.certificates.soonest}</option>
        </select>
      </div>
      {chips.length > 0 && (
        <ul class="chips" aria-label={t.certificates.active}>
          {chips.map(({ name, value }) => (
            <li key={name}>
              <button type="button" class="chip" onClick={() => change(query, { [name]: '' })}>
                <span class="sr">{t.certificates.removeFilter}</span> <span>{t.certificates.filters[name]}</span> {valueText(name, value, cas)}
                <Icon name="cross" />
              </button>
            </li>
          ))}
          <li>
            <a href={to(['certificates'])}>{t.certificates.clear}</a>
          </li>
        </ul>
      )}
    </div>
  );
}

function Names({ row }: { row: Schemas['Certificate'] }) {
  const more = allNames(row.sans).filter((name) => name !== row.common_name);
  return (
    <div class="names">
      <a href={to(['certificates', row.id])}><HostName of={row.common_name ?? more[0] ?? row.subject} /></a>
      {more.length > 0 && row.common_name && (
        <span class="faint" title={more.slice(0, 20).join('\n')}>
          {' '}
          {more.length === 1 ? more[0] : t.certificates.more(more.length)}
        </span>
      )}
    </div>
  );
}

/** A tick before each row that may be changed, and one for all of them. */
function ticks(rows: Schemas['Certificate'][], chosen: Set<string>, choose: (ids: Set<string>) => void): Column<Schemas['Certificate']> {
  const ids = new Set(rows.map((row) => row.id));
  const all = rows.length > 0 && rows.every((row) => chosen.has(row.id));
  return {
    head: t.bulk.choose,
    headCell: <input type="checkbox" aria-label={t.bulk.all} checked={all} onChange={() => choose(all ? new Set() : new Set(ids))} />,
    cell: (row) => ids.has(row.id) && (
      <input
        type="checkbox"
        aria-label={t.bulk.chooseOne(row.common_name ?? row.serial_number)}
        checked={chosen.has(row.id)}
        onChange={() => {
          const next = new Set(chosen);
          if (!next.delete(row.id)) next.add(row.id);
          choose(next);
        }}
      />
    ),
  };
}

/** What both the list and its export can be asked for. */
function filterOf(query: URLSearchParams) {
  return {
    common_name: asked(query, 'common_name'),
    san: asked(query, 'san'),
    status: asked<Schemas['CertificateStatus']>(query, 'status'),
    expiring_within: asked(query, 'expiring_within'),
    source: asked<Schemas['CertificateSource']>(query, 'source'),
    role: asked(query, 'role'),
    ca_id: asked(query, 'ca_id'),
    tag: asked(query, 'tag'),
    include_revoked: query.get('include_revoked') === 'true' || undefined,
  };
}

export function Certificates() {
  const { query } = usePlace();
  const { issue, admin, mayIssueUnder } = useRights();
  const [chosen, choose] = useState(new Set<string>());
  const [busy, setBusy] = useState(false);
  const filter = filterOf(query);
  const exact = { serial_number: asked(query, 'serial_number'), fingerprint_sha256: asked(query, 'fingerprint_sha256') };
  const list = useLoad(query.toString(), (signal) =>
    call('get', '/v1/pki/certificates', { query: { ...filter, ...exact, sort: asked<Schemas['CertificateSort']>(query, 'sort'), cursor: asked(query, 'cursor'), limit: PAGE }, signal }),
    0,
    ['certificate.', 'ca.revoked', 'csr.signed', 'order.issued'],
  );
  const download = () => {
    setBusy(true);
    csv(filter)
      .then((file) => save('certificates.csv', file, 'text/csv'))
      .catch((error: Error) => notify(error.message))
      .finally(() => setBusy(false));
  };
  useEffect(() => choose(new Set()), [query.toString()]);
  const filtered = FILTERS.some((name) => query.get(name));
  return (
    <Page title={t.certificates.title} actions={<>
      {!exact.serial_number && !exact.fingerprint_sha256 && <Button icon="download" busy={busy} onClick={download}>{t.certificates.csv}</Button>}
      {admin && <LinkButton href={to(['certificates', 'import'])}>{t.imports.title}</LinkButton>}
      {issue && <LinkButton kind="primary" icon="issue" href={to(['issue'])}>{t.issue.title}</LinkButton>}
    </>}>
      <Filters query={query} />
      <Shown of={list}>
        {(page) => (
          <div class="card flush">
            {chosen.size > 0 && <Bulk rows={page.certificates.filter((row) => chosen.has(row.id))} canRevoke={admin} onClear={() => choose(new Set())} onDone={list.reload} />}
            <Table
              name={t.certificates.title}
              rows={page.certificates}
              keyOf={(row) => row.id}
              empty={page.has_more ? <Empty title={t.certificates.notYet}>{t.certificates.notYetText}</Empty> : filtered ? <Empty title={t.certificates.noMatch} action={<a href={to(['certificates'])}>{t.certificates.clear}</a>} /> : <Empty title={t.certificates.none} action={issue && <LinkButton kind="primary" href={to(['issue'])}>{t.issue.title}</LinkButton>}>{t.certificates.noneText}</Empty>}
              columns={[
                ...(issue ? [ticks(page.certificates.filter((row) => mayIssueUnder(row.role)), chosen, choose)] : []),
                { head: t.certificates.name, cell: (row) => <Names row={row} /> },
                { head: t.certificates.issuer, wide: true, cell: (row) => <CaName id={row.ca_id} plain /> },
                { head: t.certificates.role, wide: true, cell: (row) => row.role ?? <span class="faint">{t.common.none}</span> },
                { head: t.certificates.source, wide: true, cell: (row) => t.certificates.sources[row.source] ?? row.source },
                { head: t.certificates.ends, wide: true, cell: (row) => <DateOf at={row.not_after} /> },
                { head: t.certificates.left, cell: (row) => <Left until={row.not_after} ended={row.status === 'revoked'} /> },
                { head: t.common.status, cell: (row) => <Status of={row.status} /> },
              ]}
            />
            <Pager page={page} path={['certificates']} query={query} />
          </div>
        )}
      </Shown>
    </Page>
  );
}
