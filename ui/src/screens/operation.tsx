import { useState } from 'preact/hooks';
import { call, type Schemas } from '../api/client';
import { Badge, Button, DateOf, Empty, Page, Shown, Status, Table, Tabs } from '../parts/basics';
import { Pager } from '../parts/pager';
import { notify } from '../lib/files';
import { words } from '../lib/format';
import { useLoad } from '../lib/load';
import { asked, go, to, usePlace } from '../lib/router';
import { t } from '../texts';

type Job = Schemas['Job'];

const SUBJECTS: Record<string, string> = { ca: 'cas', cert: 'certificates', csr: 'desk', ord: 'orders', dnsp: 'dns' };

/** An id, which leads to the screen of what it names where there is one. */
export function Subject({ id }: { id: string | null | undefined }) {
  if (!id) return <span class="faint">{t.common.none}</span>;
  const screen = /^[a-z]+_[0-9A-Z]{26}$/.test(id) ? SUBJECTS[id.split('_')[0] ?? ''] : undefined;
  return screen ? (
    <a class="id" href={to([screen, id])}>
      {id}
    </a>
  ) : (
    <code class="id">{id}</code>
  );
}

export function Jobs() {
  const { query } = usePlace();
  const state = asked<Schemas['JobState']>(query, 'state');
  const cursor = asked(query, 'cursor');
  const list = useLoad(`jobs ${state} ${cursor}`, (signal) => call('get', '/v1/jobs', { query: { limit: 50, state, cursor }, signal }), 10_000);
  const act = (job: Job, what: '/v1/jobs/{id}/retry' | '/v1/jobs/{id}/cancel') =>
    call('post', what, { path: { id: job.id } }).then(
      () => {
        notify(what.endsWith('retry') ? t.jobs.retried : t.jobs.cancelled);
        list.reload();
      },
      (error: Error) => notify(error.message),
    );
  return (
    <Page title={t.jobs.title} lead={t.jobs.lead}>
      <Tabs label={t.common.status} at={state ?? ''} choices={['', 'dead', 'pending', 'running', 'done'].map((value) => ({ value, text: value ? t.jobs.states[value] ?? value : t.common.all, href: to(['jobs'], { state: value }) }))} />
      <Shown of={list}>
        {(page) => (
          <div class="card flush">
            <Table
              name={t.jobs.title}
              rows={page.jobs}
              keyOf={(job) => job.id}
              empty={<Empty title={state === 'dead' ? t.jobs.noneDead : t.jobs.none} />}
              columns={[
                { head: t.jobs.kind, cell: (job) => <>{words(job.kind)}{job.last_error && <p class="bad-text clamp" title={job.last_error}>{job.last_error}</p>}</> },
                { head: t.jobs.subject, wide: true, cell: (job) => <Subject id={job.subject} /> },
                { head: t.jobs.attempts, wide: true, number: true, cell: (job) => `${job.attempts} / ${job.max_attempts}` },
                { head: t.jobs.due, wide: true, cell: (job) => <DateOf at={job.finished_at ?? job.run_at} precise /> },
                { head: t.common.status, cell: (job) => <Status of={job.state} /> },
                { head: t.common.actions, hiddenHead: true, cell: (job) => (job.state === 'dead' ? <Button kind="quiet" onClick={() => void act(job, '/v1/jobs/{id}/retry')}>{t.jobs.retry}</Button> : job.state === 'pending' ? <Button kind="quiet" onClick={() => void act(job, '/v1/jobs/{id}/cancel')}>{t.common.cancel}</Button> : '') },
              ]}
            />
            <Pager page={page} path={['jobs']} query={query} />
          </div>
        )}
      </Shown>
    </Page>
  );
}

const AUDIT_FILTERS = ['action', 'object', 'identity', 'request_id'] as const;

function AuditFilters({ query }: { query: URLSearchParams }) {
  const [values, setValues] = useState(Object.fromEntries(AUDIT_FILTERS.map((name) => [name, query.get(name) ?? ''])));
  return (
    <form
      class="filters inline"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        go(to(['audit'], { ...values, success: query.get('success') ?? '' }));
      }}
    >
      {AUDIT_FILTERS.map((name) => (
        <input key={name} aria-label={t.audit.filters[name]} placeholder={t.audit.filters[name]} value={values[name] ?? ''} onInput={(event) => setValues({ ...values, [name]: event.currentTarget.value })} spellcheck={false} />
      ))}
      <select class="choose" aria-label={t.audit.result} value={query.get('success') ?? ''} onChange={(event) => go(to(['audit'], { ...values, success: event.currentTarget.value }))}>
        <option value="">{t.audit.result}</option>
        <option value="true">{t.states['ok']}</option>
        <option value="false">{t.states['refused']}</option>
      </select>
      <Button type="submit" icon="search">
        {t.audit.search}
      </Button>
    </form>
  );
}

export function Audit() {
  const { query } = usePlace();
  const success = asked(query, 'success');
  const filter = { action: asked<Schemas['Action']>(query, 'action'), object: asked(query, 'object'), identity: asked(query, 'identity'), request_id: asked(query, 'request_id'), success: success === undefined ? undefined : success === 'true' };
  const list = useLoad(`audit ${query.toString()}`, (signal) => call('get', '/v1/audit/logs', { query: { ...filter, cursor: asked(query, 'cursor'), limit: 50 }, signal }));
  const [open, setOpen] = useState<string>();
  return (
    <Page title={t.audit.title} lead={t.audit.lead}>
      <AuditFilters query={query} />
      <Shown of={list}>
        {(page) => (
          <div class="card flush">
            <Table
              name={t.audit.title}
              rows={page.logs}
              keyOf={(row) => row.id}
              empty={<Empty title={t.audit.none} />}
              columns={[
                { head: t.audit.number, wide: true, number: true, cell: (row) => row.sequence },
                { head: t.audit.when, cell: (row) => <DateOf at={row.timestamp} precise /> },
                { head: t.audit.action, cell: (row) => (
                  <>
                    <button type="button" class="link" aria-expanded={open === row.id} onClick={() => setOpen(open === row.id ? undefined : row.id)}>
                      {words(row.action)}
                    </button>
                    {open === row.id && (
                      <dl class="facts small">
                        {[['hash', row.hash], ['previous hash', row.previous_hash], ['request', row.request_id], ['from', row.source_address], ['error', row.error_code]].map(([name, value]) => value && (
                          <div key={name}>
                            <dt>{name}</dt>
                            <dd>
                              <code>{value}</code>
                            </dd>
                          </div>
                        ))}
                      </dl>
                    )}
                  </>
                ) },
                { head: t.audit.object, wide: true, cell: (row) => <Subject id={row.object} /> },
                { head: t.audit.who, wide: true, cell: (row) => <code class="id">{row.identity}</code> },
                { head: t.audit.result, cell: (row) => (row.success ? <Status of="ok" /> : <Badge tone="bad">{row.error_code ?? t.states['refused']}</Badge>) },
              ]}
            />
            <Pager page={page} path={['audit']} query={query} />
          </div>
        )}
      </Shown>
    </Page>
  );
}
