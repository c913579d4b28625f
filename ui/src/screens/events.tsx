import { call, type Schemas } from '../api/client';
import { DateOf, Empty, Page, Shown, Table, Tabs } from '../parts/basics';
import { Pager } from '../parts/pager';
import { words } from '../lib/format';
import { useLoad } from '../lib/load';
import { asked, to, usePlace } from '../lib/router';
import { t } from '../texts';
import { Subject } from './operation';

/** What a row says of an event beside its type: a name, or why. */
function about(event: Schemas['Event']): string {
  const { common_name, domains, reason, error } = event.data as Record<string, unknown>;
  const names = Array.isArray(domains) ? domains.join(', ') : '';
  return [common_name ?? names, reason, error].filter((part) => typeof part === 'string' && part).join(' · ');
}

export function Events() {
  const { query } = usePlace();
  const type = asked(query, 'type');
  const cursor = asked(query, 'cursor');
  const list = useLoad(`events ${type} ${cursor}`, (signal) => call('get', '/v1/events', { query: { limit: 50, sort: '-timestamp', type, cursor }, signal }), 0, cursor ? [] : [type?.replace('*', '') ?? '']);
  return (
    <Page title={t.events.title} lead={t.events.lead}>
      <Tabs label={t.events.about} at={type ?? ''} choices={['', 'certificate.*', 'ca.*', 'crl.*', 'csr.*', 'order.*', 'webhook.*'].map((value) => ({ value, text: t.events.kinds[value] ?? value, href: to(['events'], { type: value }) }))} />
      <Shown of={list}>
        {(page) => (
          <div class="card flush">
            <Table
              name={t.events.title}
              rows={page.events}
              keyOf={(event) => event.event_id}
              empty={<Empty title={t.events.none} />}
              columns={[
                { head: t.audit.when, cell: (event) => <DateOf at={event.timestamp} precise /> },
                { head: t.events.what, cell: (event) => <>{words(event.event_type)}<p class="faint clamp">{about(event)}</p></> },
                { head: t.audit.object, wide: true, cell: (event) => <Subject id={event.object} /> },
                { head: t.audit.who, wide: true, cell: (event) => <code class="id">{event.identity_id}</code> },
              ]}
            />
            <Pager page={page} path={['events']} query={query} />
          </div>
        )}
      </Shown>
    </Page>
  );
}
