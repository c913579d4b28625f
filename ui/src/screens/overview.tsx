import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Card, DateOf, Empty, Left, LinkButton, Page, Shown, Status, Table } from '../parts/basics';
import { Icon } from '../parts/icons';
import { CrlLeft, tree, type Ca } from '../parts/ca';
import { Subject } from './operation';
import { count, dateTime, words, type Tone } from '../lib/format';
import { onEvent, type Event } from '../lib/live';
import { useLoad } from '../lib/load';
import { histogram, overview, SHOWN, type Overview as Data } from '../lib/overview';
import { to } from '../lib/router';
import { useRights, useSession } from '../lib/session';
import { t } from '../texts';

const MINUTE = 60_000;
/** Whatever the figures count. */
const TOUCHING = ['certificate.', 'ca.', 'crl.', 'csr.', 'order.'];

interface Matter {
  tone: Tone;
  count: number;
  text: string;
  href: string;
}

function matters({ figures: { certificates, cas, csrs, orders, renewals, jobs } }: Data, admin: boolean): Matter[] {
  const { expired_30d, expiring_7d, expiring_30d } = certificates.unrenewed;
  const month = expiring_30d - expiring_7d;
  // Whoever may not list CAs may look at one.
  const caOf = (kind: 'has_late_crl' | 'is_ending'): string => to(admin ? ['cas'] : ['cas', cas.near_end.find((ca) => ca[kind])?.id ?? '']);
  const all: Matter[] = [
    { tone: 'bad', count: expired_30d, text: t.overview.expired(expired_30d), href: to(['certificates'], { status: 'expired' }) },
    { tone: 'bad', count: expiring_7d, text: t.overview.week(expiring_7d), href: to(['certificates'], { expiring_within: '7d', sort: 'not_after' }) },
    { tone: 'bad', count: renewals.overdue, text: t.overview.overdue(renewals.overdue), href: to(['certificates'], { source: 'acme', sort: 'not_after' }) },
    { tone: 'bad', count: orders.failed_30d, text: t.overview.failedOrders(orders.failed_30d), href: to(['orders'], { status: 'invalid' }) },
    { tone: 'bad', count: cas.late_crls, text: t.overview.staleCrls(cas.late_crls), href: caOf('has_late_crl') },
    { tone: 'bad', count: admin ? jobs.dead : 0, text: t.overview.deadJobs(jobs.dead), href: to(['jobs'], { state: 'dead' }) },
    { tone: 'warn', count: month, text: t.overview.month(month), href: to(['certificates'], { expiring_within: '30d', sort: 'not_after' }) },
    { tone: 'warn', count: cas.ending_90d, text: t.overview.endingCas(cas.ending_90d), href: caOf('is_ending') },
    { tone: 'warn', count: csrs.pending, text: t.overview.waiting(csrs.pending), href: to(['desk']) },
    { tone: 'calm', count: orders.open, text: t.overview.openOrders(orders.open), href: to(['orders'], { status: 'pending' }) },
  ];
  return all.filter((matter) => matter.count > 0);
}

function Attention({ list }: { list: Matter[] }) {
  return (
    <Card title={t.overview.attention}>
      {list.length === 0 ? (
        <p class="well">
          <Icon name="check" />
          {t.overview.nothing}
        </p>
      ) : (
        <ul class="matters">
          {list.map(({ tone, count: number, text, href }) => (
            <li key={text}>
              <a class={tone} href={href}>
                <strong>{count(number)}</strong>
                <span>{text}</span>
                <Icon name="right" />
              </a>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Histogram({ data: { figures } }: { data: Data }) {
  const bars = histogram(figures);
  const most = Math.max(1, ...bars.map((bar) => bar.count));
  return (
    <Card title={t.overview.histogram}>
      <ol class="bars" aria-label={t.overview.histogram}>
        {bars.map((bar) => (
          <li key={bar.month}>
            <span class="bar-count">{bar.count > 0 ? count(bar.count) : <span class="sr">0</span>}</span>
            <span class="bar" style={{ height: `${Math.max(bar.count > 0 ? 4 : 1, Math.round((bar.count / most) * 108))}px` }} data-empty={bar.count === 0 || undefined} aria-hidden="true" />
            <span class="bar-month">{bar.month}</span>
          </li>
        ))}
      </ol>
      {Date.now() - new Date(figures.as_of).getTime() > MINUTE && <p class="hint">{t.overview.asOf(dateTime(figures.as_of))}</p>}
    </Card>
  );
}

function Step({ done, title, children, action }: { done: boolean; title: string; children: ComponentChildren; action: ComponentChildren }) {
  return (
    <li class={done ? 'step done' : 'step'}>
      <span class="step-mark" aria-hidden="true">
        {done && <Icon name="check" />}
      </span>
      <div>
        <h3>
          {title}
          {done && <span class="sr"> {t.overview.stepDone}</span>}
        </h3>
        <p>{children}</p>
        {!done && action}
      </div>
    </li>
  );
}

/** What to do first, until there is a certificate. */
function FirstSteps({ data }: { data: Data }) {
  const { steps } = t.overview;
  const hasCa = data.figures.cas.active > 0;
  return (
    <Card title={steps.title}>
      <ol class="steps">
        <Step done={hasCa} title={steps.ca} action={<LinkButton kind="primary" href={to(['cas', 'new'])}>{steps.caAction}</LinkButton>}>
          {steps.caText}
        </Step>
        <Step done={data.hasRoles} title={steps.role} action={hasCa && <LinkButton kind="primary" href={to(['roles', 'new'])}>{steps.roleAction}</LinkButton>}>
          {steps.roleText}
        </Step>
        <Step done={data.figures.certificates.by_status.active > 0} title={steps.issue} action={data.hasRoles && <LinkButton kind="primary" href={to(['issue'])}>{steps.issueAction}</LinkButton>}>
          {steps.issueText}
        </Step>
      </ol>
    </Card>
  );
}

const LISTED = 8;

function Cas({ cas }: { cas: Ca[] }) {
  return (
    <Card title={t.cas.title} flush actions={cas.length > LISTED && <a href={to(['cas'])}>{t.common.all}</a>}>
      <Table
        name={t.cas.title}
        rows={tree(cas).slice(0, LISTED)}
        keyOf={({ ca }) => ca.id}
        columns={[
          { head: t.cas.name, cell: ({ ca, depth }) => <a class="nested" style={{ '--depth': depth }} href={to(['cas', ca.id])}>{ca.name}</a> },
          { head: t.common.status, cell: ({ ca }) => <Status of={ca.status} /> },
          { head: t.cas.nextCrl, wide: true, cell: ({ ca }) => <CrlLeft of={ca} /> },
          { head: t.cas.ends, cell: ({ ca }) => <Left until={ca.valid_until} ended={ca.status !== 'active'} bad={30} warn={90} /> },
        ]}
      />
    </Card>
  );
}

/** What happened last, growing by itself: what was read, and what was told since. */
function Latest({ read }: { read: Event[] }) {
  const [told, setTold] = useState<Event[]>([]);
  useEffect(() => onEvent((event) => setTold((before) => (event ? [event, ...before].slice(0, SHOWN) : []))), []);
  const known = new Set(told.map((event) => event.event_id));
  const rows = [...told, ...read.filter((event) => !known.has(event.event_id))].slice(0, SHOWN);
  if (rows.length === 0) return null;
  return (
    <Card title={t.overview.events} flush>
      <Table
        name={t.overview.events}
        rows={rows}
        keyOf={(event) => event.event_id}
        columns={[
          { head: t.audit.when, cell: (event) => <DateOf at={event.timestamp} precise /> },
          { head: t.overview.what, cell: (event) => words(event.event_type) },
          { head: t.overview.about, wide: true, cell: (event) => about(event) },
          { head: t.audit.object, cell: (event) => <Subject id={event.object} /> },
        ]}
      />
    </Card>
  );
}

/** What an event is about, in words that a person knows it by. */
function about({ data: { common_name: name, domains } }: Event): string {
  if (typeof name === 'string') return name;
  return Array.isArray(domains) ? domains.slice(0, 3).join(', ') : '';
}

function Content({ data }: { data: Data }) {
  const { admin } = useRights();
  const { active, expired } = data.figures.certificates.by_status;
  const fresh = active === 0 && expired === 0;
  const list = matters(data, admin);
  return (
    <>
      {fresh && admin && <FirstSteps data={data} />}
      {fresh && !admin && <Empty title={t.certificates.none}>{t.overview.noneForReader}</Empty>}
      {(!fresh || list.length > 0) && <Attention list={list} />}
      {!fresh && <Histogram data={data} />}
      <div class="columns">
        {!fresh && (
          <Card title={t.overview.soonest} flush>
            <Table
              name={t.overview.soonest}
              rows={data.soonest}
              keyOf={(row) => row.id}
              columns={[
                { head: t.certificates.name, cell: (row) => <a href={to(['certificates', row.id])}>{row.common_name ?? row.subject}</a> },
                { head: t.certificates.left, cell: (row) => <Left until={row.not_after} /> },
              ]}
            />
          </Card>
        )}
        {data.cas && data.cas.length > 0 && <Cas cas={data.cas} />}
      </div>
      {!fresh && <Latest read={data.events} />}
    </>
  );
}

export function Overview() {
  const { admin, issue } = useRights();
  const { who } = useSession();
  const by = who?.token_id ?? '';
  const data = useLoad(`overview ${by}`, (signal) => overview(admin, signal), 30_000, TOUCHING);
  return (
    <Page title={t.overview.title} actions={issue && data.data?.hasRoles && <LinkButton kind="primary" icon="issue" href={to(['issue'])}>{t.issue.title}</LinkButton>}>
      <Shown of={data}>{(shown) => <Content data={shown} />}</Shown>
    </Page>
  );
}
